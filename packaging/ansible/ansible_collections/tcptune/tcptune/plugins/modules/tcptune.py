#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
---
module: tcptune
short_description: Apply TCP sysctl settings with tcptune
version_added: "0.1.0"
description:
  - Runs C(tcptune apply), which checks the values, changes the live ones, reads them back, writes one drop-in
    and proves that it wins at the next boot. In check mode it runs C(tcptune plan), which writes nothing.
  - The drop-in is the whole desired state. A profile replaces the profile that is there; I(settings) are added
    to those that are there, or replace them.
options:
  state:
    description:
      - C(present) applies what the other options say.
      - C(absent) takes every setting back, removes the drop-in and restores the values from before tcptune.
    type: str
    choices: [present, absent]
    default: present
  profile:
    description: Name of a profile, as C(tcptune profiles list) shows them.
    type: str
  settings:
    description: Keys and their values; a vector is a text with blanks between its numbers.
    type: dict
    default: {}
  unset:
    description: Keys to take out. They get back the value from before tcptune.
    type: list
    elements: str
    default: []
  rate:
    description: Rate of the slowest link to the peers, for profiles that size buffers, such as C(1Gbit).
    type: str
  rtt:
    description: Round-trip time to the peers, such as C(80ms).
    type: str
  refresh:
    description: Work the formulas of the profile out anew instead of reusing what they read the first time.
    type: bool
    default: false
  runtime_only:
    description: Change live values only. Outside the initial network namespace nothing else is possible.
    type: bool
    default: false
  persist_only:
    description: Write the drop-in only.
    type: bool
    default: false
  accept_shadowed:
    description: Go on although a line of another file wins over the drop-in.
    type: bool
    default: false
  require_all:
    description: Fail if a key does not exist here or cannot be written.
    type: bool
    default: false
  allow_any:
    description: Allow keys outside C(net.*).
    type: bool
    default: false
  file:
    description: The drop-in, a C(*.conf) in a sysctl.d directory.
    type: path
  root:
    description: Work on this directory tree (an image that is being built), files only.
    type: path
  reload:
    description:
      - What the host's own loader loads after writing. tcptune's default is C(file), where there is a file and
        a running host.
    type: str
    choices: [none, file]
  executable:
    description: The tcptune program.
    type: path
    default: tcptune
attributes:
  check_mode:
    description: Writes nothing at all, not even a lock.
    support: full
  diff_mode:
    description: Shows the drop-in before and after.
    support: full
author:
  - The tcptune authors
"""

EXAMPLES = r"""
- name: Settings of a web server
  tcptune.tcptune.tcptune:
    profile: web

- name: A profile and a key of our own
  tcptune.tcptune.tcptune:
    profile: proxy
    settings:
      net.ipv4.tcp_fin_timeout: 20
      net.ipv4.ip_local_port_range: 15000 64999

- name: Take everything back
  tcptune.tcptune.tcptune:
    state: absent
"""

RETURN = r"""
keys:
  description: What became of each key.
  returned: when tcptune answered
  type: list
  elements: dict
  sample:
    - key: net.core.somaxconn
      before: "128"
      wanted: "4096"
      after: "4096"
      status: changed
conflicts:
  description: Why the settings were refused, with file, line and the edit that helps.
  returned: when tcptune answered
  type: list
  elements: dict
entry:
  description: Number of the run in tcptune's journal, for C(tcptune rollback --to).
  returned: when something was changed
  type: int
command:
  description: The command that was run.
  returned: always
  type: list
  elements: str
"""

import json

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text


def flags(params):
    """The flags of tcptune that say what is wanted."""
    args = []
    for name in ("profile", "rate", "rtt", "file", "root"):
        if params[name] is not None:
            args.append("--%s=%s" % (name, params[name]))
    if params["state"] == "absent":
        args.append("--absent")
    for key in sorted(params["settings"]):
        args.append("--set=%s=%s" % (key, to_text(params["settings"][key])))
    for key in params["unset"]:
        args.append("--unset=%s" % key)
    for name in ("refresh", "runtime_only", "persist_only", "accept_shadowed", "require_all", "allow_any"):
        if params[name]:
            args.append("--" + name.replace("_", "-"))
    return args


def command(params, check_mode):
    """The command that does what params say, or only tells what it would do."""
    args = [params["executable"], "plan" if check_mode else "apply", "--format=json"]
    if not check_mode and params["reload"] is not None:
        args.append("--reload=%s" % params["reload"])
    return args + flags(params)


def answer(module, args, rc, out, err):
    """Turns the JSON that tcptune printed into the result of the module."""
    try:
        report = json.loads(out)
    except ValueError:
        module.fail_json(
            msg=to_text(err).strip() or "tcptune printed no JSON",
            rc=rc, command=args, stdout=to_text(out),
        )
    diff = report.get("diff") or {}
    path = report.get("file") or "(live values)"
    result = {
        "changed": bool(report.get("changed")),
        "keys": report.get("keys") or [],
        "conflicts": report.get("conflicts") or [],
        "command": args,
        "diff": {
            "before": diff.get("before") or "",
            "after": diff.get("after") or "",
            "before_header": path,
            "after_header": path,
        },
    }
    if report.get("entry"):
        result["entry"] = report["entry"]
    if rc != 0:
        # A failed run left the system as it was, unless its status is 4.
        result["changed"] = rc == 4
        module.fail_json(msg=to_text(err).strip() or "tcptune ended with status %d" % rc, rc=rc, **result)
    return result


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "profile": {"type": "str"},
            "settings": {"type": "dict", "default": {}},
            "unset": {"type": "list", "elements": "str", "default": []},
            "rate": {"type": "str"},
            "rtt": {"type": "str"},
            "refresh": {"type": "bool", "default": False},
            "runtime_only": {"type": "bool", "default": False},
            "persist_only": {"type": "bool", "default": False},
            "accept_shadowed": {"type": "bool", "default": False},
            "require_all": {"type": "bool", "default": False},
            "allow_any": {"type": "bool", "default": False},
            "file": {"type": "path"},
            "root": {"type": "path"},
            "reload": {"type": "str", "choices": ["none", "file"]},
            "executable": {"type": "path", "default": "tcptune"},
        },
        mutually_exclusive=[("runtime_only", "persist_only")],
        supports_check_mode=True,
    )
    params = module.params
    if params["state"] == "absent" and (params["profile"] or params["settings"] or params["unset"]):
        module.fail_json(msg="state=absent takes no profile, settings or unset")
    if params["state"] == "present" and not (params["profile"] or params["settings"] or params["unset"]):
        module.fail_json(msg="state=present needs profile, settings or unset")
    args = command(params, module.check_mode)
    rc, out, err = module.run_command(args)
    module.exit_json(**answer(module, args, rc, out, err))


if __name__ == "__main__":
    main()
