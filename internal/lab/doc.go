// SPDX-License-Identifier: Apache-2.0

// Package lab is test support: throw-away network namespaces and the traffic
// that makes one symptom in them.
//
// A test that uses it stands in a _linux_test.go file of a package whose
// TestMain gives lab the first word, because the processes of a scenario are
// the test binary itself:
//
//	func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }
//
//	func TestLeak(t *testing.T) {
//		lab.Isolate(t, func(t *testing.T) {
//			pair := lab.NewPair(t)
//			lab.Serve(t, pair.Server, lab.Server{Name: "leaky", Address: pair.Target(8080), Behaviour: lab.Hold})
//			lab.Connect(t, pair.Client, lab.Client{Targets: []netip.AddrPort{pair.Target(8080)}, Count: 200})
//			lab.WaitState(t, pair.Server, lab.CloseWait, 200, 5*time.Second)
//			out, err := pair.Server.Command("tcptune", "check").Output()
//			...
//		})
//	}
//
// [Isolate] runs the body in a process of its own, in new network and mount
// namespaces (and a new user namespace for an ordinary user). [NewPair] makes
// two hosts, each one a further network namespace, joined by a veth pair with
// addresses of 198.18.0.0/15, the benchmark range of RFC 2544. [NewLine] joins
// them by a link with a delay, loss, a rate or an MTU hole, [NewTriple] puts a
// gateway with address translation between them, and [NewDetour] lets the answers
// take another link. [Host.Command] runs any program inside a host; /etc, /run,
// /var/lib and the other places of sysctl.d files are private there, see [Tree].
// [Serve], [Connect], [StartFlood], [StartStream] and [StartCaller] make traffic
// from processes with a name that findings can show. [StartLoad] fills a namespace
// with up to millions of sockets, for programs too.
//
// Where the machine refuses namespaces, TUN devices or nf_tables the test is
// skipped with the errno, or fails when TCPTUNE_REQUIRE contains "netns", "tun"
// or "nftables". Everything ends with the test: processes when their standard
// input closes, when they are killed by their process id or when their parent
// dies, namespaces with their last process.
//
// Out of scope: product code must not import lab, it needs no external
// program, and it never changes the namespace or the files the test was
// started in.
package lab
