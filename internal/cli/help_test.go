package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestHelp checks that every command and topic explains itself, with examples
// whose flags exist, in lines that fit a terminal.
func TestHelp(t *testing.T) {
	root := plain().rootCommand()
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		t.Run(cmd.Name(), func(t *testing.T) {
			if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
				t.Errorf("short help is %q, want a phrase without a full stop", cmd.Short)
			}
			if cmd.Long == "" || cmd.Example == "" {
				t.Error("there is no long help, or no example")
			}
			for text := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
				if len([]rune(text)) > 90 {
					t.Errorf("line is too long: %s", text)
				}
			}
			checkExample(t, root, cmd.Example)
		})
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(root)
}

var longFlag = regexp.MustCompile(`--([a-z][a-z-]*)`)

func checkExample(t *testing.T, root *cobra.Command, example string) {
	t.Helper()
	for text := range strings.Lines(example) {
		_, text, ok := strings.Cut(text, "wampeter ")
		if !ok {
			continue
		}
		text, _, _ = strings.Cut(text, " -- ")
		text, _, _ = strings.Cut(text, " | ")
		words := strings.Fields(text)
		if words[0] == "help" {
			words = words[1:]
		}
		cmd, _, err := root.Find(words)
		if err != nil || cmd == root {
			t.Errorf("example %q: there is no such command", text)
			continue
		}
		for _, m := range longFlag.FindAllStringSubmatch(text, -1) {
			if cmd.Flag(m[1]) == nil {
				t.Errorf("example %q: there is no flag --%s", text, m[1])
			}
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, test := range []struct {
		line string
		want string
	}{
		{"nonsense", `unknown command "nonsense"`},
		{"call", "call: want PROCEDURE [ARGUMENT...]\n"},
		{"call --nonsense", "unknown flag: --nonsense"},
		{"call x --json --raw", "none of the others can be"},
		{"call x --serializer xml", "want cbor, msgpack or json"},
		{"call x --timeout -1s", "want a time like 5s"},
		{"call x --header nonsense", "want 'Name: value'"},
		{"call x --ca /does/not/exist", "--ca: "},
		{"call x --ca x --insecure", "give one of them"},
		{"call x --option nonsense", "want NAME=VALUE"},
		{"call x a:=b", "not JSON"},
		{"call x --url http//nonsense", "nonsense"},
		{"publish", "want TOPIC [ARGUMENT...]"},
		{"subscribe", "want TOPIC..."},
		{"subscribe x --match nonsense", "want exact, prefix or wildcard"},
		{"subscribe x --history=-1", "want a number of events"},
		{"call x --cancel nonsense", "want killnowait, kill or skip"},
		{"call x --all --progress", "none of the others can be"},
		{"call x --all --partition 1", "none of the others can be"},
		{"publish x --exclude 0", "numbers from 1 to 2^53"},
		{"publish x --eligible joe", "numbers from 1 to 2^53"},
		{"register x --echo --invoke nonsense", "want single, roundrobin, random, first, last or partition"},
		{"register x --echo --progress", "--progress needs --command"},
		{"register x --command --json --progress -- cat", "none of the others can be"},
		{"sessions nonsense", `unknown command "nonsense"`},
		{"sessions list x", "list: want no argument, not x\n"},
		{"sessions get", "get: want SESSION\n"},
		{"sessions get joe", "numbers from 1 to 2^53"},
		{"sessions kill", "name the sessions to end"},
		{"sessions kill 1 --all", "name the sessions to end"},
		{"sessions kill --all --authid joe", "none of the others can be"},
		{"registrations list --match nonsense", "want exact, prefix or wildcard"},
		{"registrations remove x", "SESSION..., not x"},
		{"registrations remove x joe", "numbers from 1 to 2^53"},
		{"subscriptions match", "match: want TOPIC"},
		{"register x", "at least one of the flags"},
		{"register x --echo --constant 1", "none of the others can be"},
		{"register x y --echo", `"y" follows it`},
		{"register x --echo --json", "--json needs --command"},
		{"register x --command", "write the command after --"},
		{"register x --command -- /does/not/exist", "/does/not/exist"},
		{"register x --echo --concurrency=-1", "want at least 1"},
		{"bench", "want one scenario"},
		{"bench nonsense", "there is no scenario"},
		{"bench --list x", "--list takes no scenario"},
		{"run x", "run: want no argument, not x"},
		{"run --listen nonsense", "want host:port or unix:PATH"},
		{"run --max-message 5x", "is no size"},
		{"run --history com.{id", "--history com.{id: "},
		{"run --history a#b", "not a URI"},
		{"run --listen 0.0.0.0:1", "say --allow-open"},
		{"run --realm a --realm a", "--realm a: given twice"},
		{"run --realm b#c", `--realm "b#c": not a URI`},
		{"run --origin [", "--origin [: "},
		{"run --max-message 1", "--max-message 1: want at least 512"},
		{"run --max-message 3GiB", "--max-message 3GiB: want at most"},
		{"run --max-queue 1", "--max-queue 1: want at least"},
		{"run --max-memory 1", "--max-memory 1: want at least"},
		{"run --max-connections=-1", "--max-connections -1: want at least 0"},
		{"run --keepalive=-1ns", "--keepalive -1ns: want at least 0s"},
		{"run --pong-timeout 0s", "--pong-timeout 0s: want at least"},
		{"run --tls-cert x", "each needs the other one"},
		{"run --log-level x", "--log-level x: want debug, info, warn or error"},
		{"run --log-format y", "--log-format y: want auto, text or json"},
		{"run --set nonsense", "want PATH=VALUE"},
		{"run --set limits.max_mesage=1", "did you mean max_message?"},
		{"run --set realms[7].name=x", "there is no realms[7].name to set it in"},
		{"registrations get com.{id", "neither fixed nor a {name}"},
		{"version x", "want no argument"},
		{"can guest call", "can: want ROLE {call | register | publish | subscribe} URI, not guest call"},
		{"check", "check: want FILE\n"},
		{"check a b", "want FILE, not a b"},
		{"import crossbar", "crossbar: want FILE"},
		{"hash nonsense", "hash: want {ticket | wampcra | scram}, not nonsense"},
		{"keygen", "keygen: want FILE"},
		{"reload --pid=-1", "want the ID of a process"},
		{"run --max-connections -1", "--max-connections -1: want at least 0"},
		{"run --tls-key x", "--tls-key: certificate and key: each needs the other one"},
		{"run --set limits=3", "--set limits: want a mapping"},
	} {
		out := execute(t, strings.Fields(test.line)...)
		if out.code != exitUsage || out.stdout != "" || !strings.Contains(out.stderr, test.want) {
			t.Errorf("wampeter %s: exit code %d, output %q, errors\n%s\nwant code %d, no output, %q",
				test.line, out.code, out.stdout, out.stderr, exitUsage, test.want)
		}
	}
}

func TestVersionAndCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"version":                              "WAMP v2",
		"--version":                            "WAMP v2",
		"help arguments":                       "name:=value",
		"call --help":                          "wampeter call demo.add2 2 3",
		"completion bash":                      "bash completion",
		"completion zsh":                       "#compdef wampeter",
		"completion fish":                      "fish completion",
		"completion powershell":                "powershell completion",
		"__complete call --serializer ":        "msgpack",
		"__complete bench p":                   "pipeline",
		"__complete run --log-level ":          "debug",
		"bench --list":                         "fanout",
		"__complete subscribe x --match wildc": "wildcard",
		"__complete call x --cancel s":         "skip",
		"__complete register x --invoke r":     "roundrobin",
		"__complete sessions k":                "kill",
		"sessions --help":                      "wampeter sessions COMMAND",
	} {
		args := strings.Split(line, " ")
		if out := execute(t, args...); out.code != 0 || !strings.Contains(out.stdout, want) {
			t.Errorf("wampeter %s: exit code %d, output does not contain %q:\n%s%s", line, out.code, want, out.stdout, out.stderr)
		}
	}
}
