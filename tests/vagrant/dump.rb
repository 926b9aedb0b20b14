# What a Vagrantfile declares, machine by machine and for each provider, as Vagrant itself understands it: JSON.
#   ruby dump.rb FOLDER
# No provider need be usable; nothing is started.
ENV["VAGRANT_DISABLE_STRICT_DEPENDENCY_ENFORCEMENT"] ||= "1"
require "json"
require "pathname"
require "vagrant"

PROVIDERS = %i[virtualbox libvirt].freeze
UNSET = Vagrant::Plugin::V2::Config::UNSET_VALUE

def plain(value)
  case value
  when UNSET then nil
  when Hash then value.to_h { |key, item| [key.to_s, plain(item)] }
  when Array then value.map { |item| plain(item) }
  when String, Numeric, true, false, nil then value
  else value.to_s
  end
end

# Settings that nobody knows are collected by Vagrant, and complained about only for the provider in use.
def unknown(config)
  (config.instance_variable_get(:@__invalid_methods) || []).to_a.map(&:to_s)
end

def settings(config)
  names = config.instance_variables.reject { |name| name.to_s.start_with?("@__", "@logger") }
  names.to_h { |name| [name.to_s.delete("@"), plain(config.instance_variable_get(name))] }
end

def describe(vagrantfile, name, provider)
  vm = vagrantfile.machine_config(name, provider, nil, nil, false)[:config].vm
  known = Vagrant.plugin("2").manager.provider_configs.key?(provider)
  options = known ? vm.get_provider_config(provider) : nil
  {
    box: plain(vm.box),
    hostname: plain(vm.hostname),
    networks: vm.networks.map { |kind, values| plain(values).merge("kind" => kind.to_s) },
    folders: plain(vm.synced_folders),
    provisioners: vm.provisioners.map do |one|
      { type: one.type.to_s, run: plain(one.run), path: plain(one.config.path), env: plain(one.config.env) }
    end,
    options: options && settings(options),
    unknown: unknown(vm) + (options ? unknown(options) : []),
  }
end

folder = Pathname.new(ARGV.fetch(0)).expand_path
environment = Vagrant::Environment.new(cwd: folder, ui_class: Vagrant::UI::Silent)
machines = environment.machine_names.to_h do |name|
  [name, PROVIDERS.to_h { |provider| [provider, describe(environment.vagrantfile, name, provider)] }]
end
puts JSON.generate(machines)
