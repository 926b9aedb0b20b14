"""The sysctls below ``net/`` that Linux is known to have, and the values that make sense there.

A name that is similar to one of these is a typing error. Other names are left to the kernel, which may be newer than
this list.
"""

from __future__ import annotations

import re
from functools import lru_cache

from netlab.spec import scalars
from netlab.spec.problems import near
from netlab.spec.scalars import Wrong


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: net/ipv4/conf/<interface>/ (net/ipv4/devinet.c).
_CONF4 = _names(
    """
    accept_local accept_redirects accept_source_route arp_accept arp_announce arp_evict_nocarrier arp_filter
    arp_ignore arp_notify bc_forwarding bootp_relay disable_policy disable_xfrm drop_gratuitous_arp
    drop_unicast_in_l2_multicast force_igmp_version forwarding igmpv2_unsolicited_report_interval
    igmpv3_unsolicited_report_interval ignore_routes_with_linkdown log_martians mc_forwarding medium_id
    promote_secondaries proxy_arp proxy_arp_pvlan route_localnet rp_filter secure_redirects send_redirects
    shared_media src_valid_mark tag
    """
)
#: net/ipv6/conf/<interface>/ (net/ipv6/addrconf.c).
_CONF6 = _names(
    """
    accept_dad accept_ra accept_ra_defrtr accept_ra_from_local accept_ra_min_hop_limit accept_ra_min_lft
    accept_ra_mtu accept_ra_pinfo accept_ra_rt_info_max_plen accept_ra_rt_info_min_plen accept_ra_rtr_pref
    accept_redirects accept_source_route accept_untracked_na addr_gen_mode autoconf dad_transmits disable_ipv6
    disable_policy drop_unicast_in_l2_multicast drop_unsolicited_na enhanced_dad force_forwarding
    force_mld_version force_tllao forwarding hop_limit ignore_routes_with_linkdown ioam6_enabled ioam6_id
    ioam6_id_wide keep_addr_on_down max_addresses max_desync_factor mc_forwarding
    mldv1_unsolicited_report_interval mldv2_unsolicited_report_interval mtu ndisc_evict_nocarrier ndisc_notify
    ndisc_tclass optimistic_dad proxy_ndp ra_defrtr_metric ra_honor_pio_life ra_honor_pio_pflag regen_max_retry
    regen_min_advance router_probe_interval router_solicitation_delay router_solicitation_interval
    router_solicitation_max_interval router_solicitations rpl_seg_enabled seg6_enabled seg6_require_hmac
    stable_secret suppress_frag_ndisc temp_prefered_lft temp_valid_lft use_oif_addrs_only use_optimistic
    use_tempaddr
    """
)
#: net/ipv4/neigh/<interface>/ and that of IPv6 (net/core/neighbour.c).
_NEIGH = _names(
    """
    anycast_delay app_solicit base_reachable_time base_reachable_time_ms delay_first_probe_time gc_interval
    gc_stale_time gc_thresh1 gc_thresh2 gc_thresh3 interval_probe_time_ms locktime mcast_resolicit mcast_solicit
    proxy_delay proxy_qlen retrans_time retrans_time_ms ucast_solicit unres_qlen unres_qlen_bytes
    """
)
#: net/ipv4/.
_IPV4 = _names(
    """
    cipso_cache_bucket_size cipso_cache_enable cipso_rbm_optfmt cipso_rbm_strictvalid fib_multipath_hash_fields
    fib_multipath_hash_policy fib_multipath_hash_seed fib_multipath_use_neigh fib_notify_on_flag_change
    fib_sync_mem fwmark_reflect icmp_echo_enable_probe icmp_echo_ignore_all icmp_echo_ignore_broadcasts
    icmp_errors_use_inbound_ifaddr icmp_ignore_bogus_error_responses icmp_msgs_burst icmp_msgs_per_sec
    icmp_ratelimit icmp_ratemask igmp_link_local_mcast_reports igmp_max_memberships igmp_max_msf igmp_qrv
    inet_peer_maxttl inet_peer_minttl inet_peer_threshold ip_autobind_reuse ip_default_ttl ip_dynaddr
    ip_early_demux ip_forward ip_forward_update_priority ip_forward_use_pmtu ip_local_port_range
    ip_local_reserved_ports ip_no_pmtu_disc ip_nonlocal_bind ip_unprivileged_port_start ipfrag_high_thresh
    ipfrag_low_thresh ipfrag_max_dist ipfrag_secret_interval ipfrag_time nexthop_compat_mode ping_group_range
    raw_l3mdev_accept tcp_abort_on_overflow tcp_adv_win_scale tcp_allowed_congestion_control tcp_app_win
    tcp_autocorking tcp_available_congestion_control tcp_available_ulp tcp_backlog_ack_defer tcp_base_mss
    tcp_challenge_ack_limit tcp_child_ehash_entries tcp_comp_sack_delay_ns tcp_comp_sack_nr
    tcp_comp_sack_slack_ns tcp_congestion_control tcp_dsack tcp_early_demux tcp_early_retrans tcp_ecn
    tcp_ecn_fallback tcp_ecn_option tcp_ecn_option_beacon tcp_ehash_entries tcp_fack tcp_fastopen
    tcp_fastopen_blackhole_timeout_sec tcp_fastopen_key tcp_fin_timeout tcp_frto tcp_fwmark_accept
    tcp_invalid_ratelimit tcp_keepalive_intvl tcp_keepalive_probes tcp_keepalive_time tcp_l3mdev_accept
    tcp_limit_output_bytes tcp_low_latency tcp_max_orphans tcp_max_reordering tcp_max_syn_backlog
    tcp_max_tw_buckets tcp_mem tcp_migrate_req tcp_min_rtt_wlen tcp_min_snd_mss tcp_min_tso_segs
    tcp_moderate_rcvbuf tcp_mtu_probe_floor tcp_mtu_probing tcp_no_metrics_save tcp_no_ssthresh_metrics_save
    tcp_notsent_lowat tcp_orphan_retries tcp_pacing_ca_ratio tcp_pacing_ss_ratio tcp_pingpong_thresh
    tcp_plb_cong_thresh tcp_plb_enabled tcp_plb_idle_rehash_rounds tcp_plb_rehash_rounds tcp_plb_suspend_rto_sec
    tcp_probe_interval tcp_probe_threshold tcp_recovery tcp_reflect_tos tcp_reordering tcp_retrans_collapse
    tcp_retries1 tcp_retries2 tcp_rfc1337 tcp_rmem tcp_rto_max_ms tcp_rto_min_us tcp_sack tcp_shrink_window
    tcp_slow_start_after_idle tcp_stdurg tcp_syn_linear_timeouts tcp_syn_retries tcp_synack_retries
    tcp_syncookies tcp_thin_linear_timeouts tcp_timestamps tcp_tso_rtt_log tcp_tso_win_divisor tcp_tw_reuse
    tcp_tw_reuse_delay tcp_window_scaling tcp_wmem tcp_workaround_signed_windows udp_child_hash_entries
    udp_early_demux udp_hash_entries udp_l3mdev_accept udp_mem udp_rmem_min udp_wmem_min xfrm4_gc_thresh
    """
)
#: net/ipv6/.
_IPV6 = _names(
    """
    anycast_src_echo_reply auto_flowlabels bindv6only calipso_cache_bucket_size calipso_cache_enable
    fib_multipath_hash_fields fib_multipath_hash_policy fib_notify_on_flag_change flowlabel_consistency
    flowlabel_reflect flowlabel_state_ranges fwmark_reflect idgen_delay idgen_retries ioam6_id ioam6_id_wide
    ip6frag_high_thresh ip6frag_low_thresh ip6frag_secret_interval ip6frag_time ip_nonlocal_bind
    max_dst_opts_length max_dst_opts_number max_hbh_length max_hbh_opts_number mld_max_msf mld_qrv
    seg6_flowlabel xfrm6_gc_thresh
    """
)
#: net/ipv6/icmp/.
_ICMP6 = _names(
    """
    echo_ignore_all echo_ignore_anycast echo_ignore_multicast error_anycast_as_unicast ratelimit ratemask
    """
)
#: net/core/.
_CORE = _names(
    """
    bpf_jit_enable bpf_jit_harden bpf_jit_kallsyms bpf_jit_limit busy_poll busy_read default_qdisc dev_weight
    dev_weight_rx_bias dev_weight_tx_bias devconf_inherit_init_net fb_tunnels_only_for_init_net
    flow_limit_cpu_bitmap flow_limit_table_len gro_normal_batch high_order_alloc_disable max_skb_frags
    mem_pcpu_rsv message_burst message_cost netdev_budget netdev_budget_usecs netdev_max_backlog netdev_rss_key
    netdev_tstamp_prequeue netdev_unregister_timeout_secs optmem_max rmem_default rmem_max rps_default_mask
    rps_sock_flow_entries skb_defer_max somaxconn tstamp_allow_data txrehash warnings wmem_default wmem_max
    xfrm_acq_expires xfrm_aevent_etime xfrm_aevent_rseqth xfrm_larval_drop
    """
)
#: Visible in every namespace, but the machine has only one value: what root's run writes there would stay.
MACHINE_WIDE = {
    # nf_hooks_lwtunnel_sysctl_handler : a static key, which cannot be switched off again
    "net/netfilter/nf_hooks_lwtunnel": "once it is 1 it stays so until the machine is restarted",
    # Read-only in a namespace since Linux 5.13 (nf_conntrack_standalone_init_sysctl, ipv4_sysctl_init_net).
    "net/netfilter/nf_conntrack_buckets": "before Linux 5.13 a namespace could set it for all",
    "net/netfilter/nf_conntrack_expect_max": "before Linux 5.13 a namespace could set it for all",
    "net/netfilter/nf_conntrack_max": "before Linux 5.13 a namespace could set it for all",
    "net/nf_conntrack_max": "before Linux 5.13 a namespace could set it for all",
    "net/ipv4/tcp_allowed_congestion_control": "before Linux 5.13 a namespace could set it for all",
}
_BRIDGE = frozenset(f"bridge-nf-call-{one}" for one in ("arptables", "ip6tables", "iptables"))
#: Every folder that has a list. ``*`` is an interface, ``all`` or ``default``.
_KNOWN = {
    "net/ipv4/conf/*": _CONF4,
    "net/ipv6/conf/*": _CONF6,
    "net/ipv4/neigh/*": _NEIGH,
    "net/ipv6/neigh/*": _NEIGH,
    "net/ipv4": _IPV4,
    "net/ipv6": _IPV6,
    "net/ipv6/icmp": _ICMP6,
    "net/core": _CORE,
    "net/bridge": _BRIDGE,
}
_INTERFACE = re.compile(r"(net/ipv[46]/(?:conf|neigh))/([^/]+)")
#: How like a known name an unknown one must be to be taken for a slip.
_LIKE = 0.85

_FLAGS4 = _names(
    """
    accept_local accept_redirects accept_source_route arp_evict_nocarrier arp_filter bc_forwarding disable_policy
    disable_xfrm drop_gratuitous_arp drop_unicast_in_l2_multicast forwarding ignore_routes_with_linkdown log_martians
    promote_secondaries proxy_arp proxy_arp_pvlan route_localnet secure_redirects send_redirects shared_media
    src_valid_mark
    """
)
_FLAGS6 = _names(
    """
    accept_ra_defrtr accept_ra_pinfo accept_redirects autoconf disable_ipv6 disable_policy
    drop_unicast_in_l2_multicast drop_unsolicited_na enhanced_dad force_forwarding force_tllao
    ignore_routes_with_linkdown ndisc_evict_nocarrier ndisc_notify optimistic_dad proxy_ndp suppress_frag_ndisc
    use_oif_addrs_only use_optimistic
    """
)
#: What values mean something (Documentation/networking/ip-sysctl.rst): the kernel takes most others without a word.
_RANGES: dict[str, tuple[int, int]] = {
    "net/ipv4/ip_forward": (0, 1),
    "net/ipv4/icmp_echo_ignore_all": (0, 1),
    "net/ipv4/icmp_echo_ignore_broadcasts": (0, 1),
    "net/ipv4/icmp_errors_use_inbound_ifaddr": (0, 1),
    "net/ipv6/icmp/echo_ignore_all": (0, 1),
    **{f"net/ipv4/conf/*/{name}": (0, 1) for name in _FLAGS4},
    **{f"net/ipv6/conf/*/{name}": (0, 1) for name in _FLAGS6},
    "net/ipv4/conf/*/arp_accept": (0, 2),
    "net/ipv4/conf/*/arp_announce": (0, 2),
    "net/ipv4/conf/*/arp_ignore": (0, 8),
    "net/ipv4/conf/*/arp_notify": (0, 1),
    "net/ipv4/conf/*/force_igmp_version": (0, 3),
    "net/ipv4/conf/*/rp_filter": (0, 2),
    "net/ipv6/conf/*/accept_dad": (0, 2),
    "net/ipv6/conf/*/accept_ra": (0, 2),
    "net/ipv6/conf/*/accept_untracked_na": (0, 2),
    "net/ipv6/conf/*/addr_gen_mode": (0, 3),
    "net/ipv6/conf/*/force_mld_version": (0, 2),
    "net/ipv6/conf/*/forwarding": (0, 2),
    **{f"net/bridge/{name}": (0, 1) for name in _BRIDGE},
}


def key(value: object) -> str:
    """The path of a sysctl. Raises Wrong for a name that looks mistyped, and for a sysctl of the whole machine."""
    path = scalars.sysctl(value)
    if path in MACHINE_WIDE:
        said = f"{dotted(path)!r} belongs to the whole machine, although every namespace shows it"
        raise Wrong(said, f"{MACHINE_WIDE[path]}: leave it out")
    meant = _meant(path)
    if meant:
        raise Wrong(f"{dotted(path)!r} is no sysctl that Linux is known to have", f"did you mean {dotted(meant)!r}?")
    return path


def limits(path: str) -> tuple[int, int] | None:
    """The least and the largest value that mean something to a sysctl, where those are known."""
    return _RANGES.get(_INTERFACE.sub(r"\1/*", path))


def check_value(path: str, value: str) -> None:
    """Raises Wrong for a value that means nothing to the sysctl at ``path``."""
    known = limits(path)
    if known is None:
        return
    low, high = known
    if not re.fullmatch(r"\s*-?[0-9]+\s*", value) or not low <= int(value) <= high:
        said = f"{value!r} is not a value of {dotted(path)}"
        raise Wrong(said, " or ".join(map(str, range(low, high + 1))) if high < 3 else f"{low} to {high}")


def dotted(path: str) -> str:
    """The key as sysctl(8) writes it."""
    return path.translate(str.maketrans("./", "/."))


@lru_cache(maxsize=1024)
def _meant(path: str) -> str | None:
    """The known sysctl that a path is likely to mean; None where it is known, or like none."""
    folder, _, name = path.rpartition("/")
    found = _INTERFACE.fullmatch(folder)
    interface = found[2] if found else "all"
    here = f"{found[1]}/*" if found else folder
    if here in _KNOWN and name in _KNOWN[here]:
        return None
    if path == "net/ipv6/ip_forward":
        return "net/ipv6/conf/all/forwarding"
    if here in _KNOWN:
        like = near(name, _KNOWN[here], _LIKE)
        if like:
            return f"{folder}/{like}"
        # The right name in a wrong place: the other family, or without its interface.
        family = here[:8]
        places = sorted(_KNOWN, key=lambda place: (not place.startswith(family), place))
        place = next((one for one in places if name in _KNOWN[one]), None)
        return f"{place.replace('*', interface)}/{name}" if place else None
    parts = folder.split("/")
    if len(parts) == 4:
        here, interface = "/".join((*parts[:3], "*")), parts[3]
    place = near(here, _KNOWN, _LIKE)
    return f"{place.replace('*', interface)}/{name}" if place and name in _KNOWN[place] else None
