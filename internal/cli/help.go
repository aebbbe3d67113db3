package cli

import "github.com/spf13/cobra"

// helpTopics returns the help texts that belong to no command.
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{
			Use:   "arguments",
			Short: "How arguments of calls and events are written",
			Long: `Arguments of calls and events, and other values on the command line:

  5  1.5  true  null  '[1, 2]'  '{"a": 1}'  '"text"'
                  what is JSON is sent as what it says
  joe  2024-01-01  'good morning'
                  what is not JSON is sent as text
  name=value      a keyword argument; the value is JSON or text, as above
  name:=value     a keyword argument whose value has to be JSON
  -               one argument, read from standard input: JSON or text

A name is made of letters, digits and _, and does not begin with a digit.

To send as text what would be something else, quote it as JSON:
  '"5"'  '"true"'  '"name=value"'  '"-"'  id='"007"'

Binary values are written as WAMP writes them in JSON: a text that begins with
U+0000, followed by base64: '"\u0000aGVsbG8="'.

Integers keep all their digits, whatever the serializer. A negative number is no
flag; what else begins with - goes behind --, which ends the flags.`,
			Example: `  wampeter call com.example.create joe 42 tags:='["a", "b"]' note='no JSON'
  wampeter call demo.echo -5 '"-5"' 9007199254740993
  wampeter publish com.example.log -- --verbose`,
		},
		{
			Use:   "output",
			Short: "How results and events are printed",
			Long: `Results are printed as indented JSON, with colors when standard output is a
terminal and NO_COLOR is not set: the value alone when there is one positional
value, {"args": [...], "kwargs": {...}} when there is more, null when there is
nothing.

  --json  the same in one line
  --raw   one text with a line feed, or one binary value as it is, without
          quotes; nothing for nothing; else as --json

Events are lines: topic and arguments as they would be written on a command line.

  --json  {"topic": ..., "publication": ..., "args": [...], "kwargs": {...}}, and
          publisher, retained and timestamp where they are known
  --raw   the arguments alone, as above

In JSON a binary value is a text of U+0000 and base64, as WAMP has it. Whatever
is not a result or an event goes to standard error.`,
			Example: `  wampeter call com.example.user 7 --json | jq .name
  wampeter call com.example.photo 7 --raw > photo.jpg
  wampeter subscribe demo.tick --json | jq --unbuffered .args[0]`,
		},
		{
			Use:   "exit-codes",
			Short: "What exit codes mean",
			Long: `Exit codes of all commands:

  0  it worked; Ctrl-C ended a command that has no other end
  1  the procedure or the router answered with an error, or something else went
     wrong: standard error has the error's URI and message, and below it, as one
     line of JSON, its arguments if there are more
  2  the command line is wrong
  3  no connection to a router, or it was lost
  4  --timeout was over, or Ctrl-C or SIGTERM came, before it was done

The first Ctrl-C says GOODBYE to the router, the second one does not wait for
its answer.`,
			Example: `  wampeter call com.example.job
  case $? in
    0) echo done ;;
    1) echo refused ;;
    3 | 4) echo again later ;;
  esac`,
		},
		{
			Use:   "environment",
			Short: "Environment variables",
			Long: `Flags go before environment variables, these before profiles and configuration
files, and those before defaults.

Client commands:
  WAMPETER_URL    router, as in --url; several URLs are separated by spaces
  WAMPETER_REALM  realm, as in --realm
  WAMPETER_AUTHID, WAMPETER_TICKET, WAMPETER_SECRET, WAMPETER_PASSWORD, WAMPETER_KEY,
  WAMPETER_PASSPHRASE, WAMPETER_CERTIFICATES, WAMPETER_TRUSTROOT, WAMPETER_TOKEN,
  WAMPETER_CERT, WAMPETER_CERT_KEY
                  who you are: see 'wampeter help credentials'
  WAMPETER_PROFILE, WAMPETER_PROFILES
                  name of a profile, and the file with the profiles
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY
                  proxy for WebSocket connections

The router:
  WAMPETER_CONFIG  configuration file, as in --config
  WAMPETER_...     everything that a file can say once: WAMPETER_LIMITS_MAX_MESSAGE
                   is limits.max_message; see 'wampeter config reference'

All commands:
  NO_COLOR        not empty: no colors`,
			Example: `  export WAMPETER_URL='unix:/run/wampeter.sock' WAMPETER_REALM=devices
  wampeter call com.example.status
  WAMPETER_LOG_LEVEL=debug wampeter run`,
		},
		{
			Use:   "credentials",
			Short: "How client commands prove who you are",
			Long: `Without any of these a command is anonymous. Each flag has a variable of the
environment, which is listed with it, and a key of profiles.

  --authid NAME      who you are; keys, certificates and tokens may say it themselves
  --ticket SECRET    ticket
  --secret SECRET    wampcra
  --password SECRET  wamp-scram, and scram as Crossbar.io speaks it
  --key FILE         cryptosign: a private key in any form that 'wampeter keygen' writes;
                     --certificates FILE and --trustroot ADDRESS for routers that do
                     not know the key, but trust whoever has certified it
  --token SECRET     jwt
  --cert FILE        tls; --cert-key FILE unless the key is in the same file

--channel-binding, which has no variable, ties a key or a password to the TLS
connection. It needs TLS up to the router itself.

A SECRET is file:PATH for the content of a file, - for what is typed, or else the
secret itself, which others can see in the list of processes. Who names a method by a
flag does not use those of the environment and the profile; who names none by flag
or environment uses those of the profile.

Profiles are in wampeter/profiles.yaml in your folder for configurations (~/.config),
or in $WAMPETER_PROFILES:

  default: local
  profiles:
    - name: local
      url: ws://127.0.0.1:8080/ws
      authid: joe
      ticket: file:joe.ticket
    - name: production
      url: [wss://a.example.com/ws, wss://b.example.com/ws]
      realm: com.example
      key: joe.key

Their keys are name, url, realm, serializers, authid, ticket, secret, password, key,
passphrase, token, cert, cert_key, channel_binding, ca, insecure and headers (name and
value each).`,
			Example: `  wampeter call com.example.status --authid joe --ticket file:joe.ticket
  wampeter call com.example.status --key ~/.ssh/id_ed25519
  wampeter sessions list --profile production`,
		},
		{
			Use:   "configuration",
			Short: "The configuration file of the router",
			Long: `'wampeter run' takes its configuration file from --config, else from
$WAMPETER_CONFIG, else it takes the first that exists of

  wampeter.yaml                       in the current folder
  wampeter/wampeter.yaml              in your folder for configurations (~/.config)
  /etc/wampeter/wampeter.yaml

and else none. --config '' is for none in any case.

A file is YAML or JSON. 'wampeter init' writes one in which everything is explained,
'wampeter check' says what is wrong with one, and 'wampeter config reference' lists
all there is. Variables of the environment go before the file: WAMPETER_LOG_LEVEL is
log.level. Flags go before both; --set PATH=VALUE sets anything, as YAML.

In a file, ${NAME} is a variable of the environment, and a secret may be file:PATH.

SIGHUP and 'wampeter reload' have a running router read its file again.`,
			Example: `  wampeter init wampeter.yaml
  wampeter run --config wampeter.yaml --set log.level=debug
  wampeter config show`,
		},
	}
}
