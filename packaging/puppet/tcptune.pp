# SPDX-License-Identifier: Apache-2.0
#
# Applies a profile with tcptune, unless "tcptune plan" says that nothing would
# change. See docs/apply.md.
#
#   tcptune { 'web': settings => { 'net.ipv4.tcp_fin_timeout' => '30' } }
define tcptune (
  String               $profile    = $title,
  Hash[String, String] $settings   = {},
  Array[String]        $options    = [],
  String               $executable = '/usr/bin/tcptune',
) {
  $sets = $settings.map |$key, $value| { "--set=${key}=${value}" }
  $args = ["--profile=${profile}"] + $sets + $options
  # plan writes nothing; with --detailed-exitcode it says 2 when something would change.
  exec { "tcptune apply ${title}":
    command => [$executable, 'apply', '--quiet'] + $args,
    unless  => [[$executable, 'plan', '--quiet', '--detailed-exitcode'] + $args],
  }
}
