"""Netfilter: a namespace's nftables ruleset, read as far as it is simple, and what it does to packets.

`read` turns nft's text into a `Ruleset`, `walk` takes a packet through a chain, `track` follows connections and
translates addresses, `hooks` are the places in the stacks and bridges where packets are shown to the chains. What isn't
understood raises `Unknown` where a packet gets there, with the rule's text; nothing is guessed.
"""
