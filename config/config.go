package config

// Config is everything that can be said about a router. Load returns it complete,
// with defaults where nothing was said.
//
// Tags: yaml is the key; doc what it is for; default what it is otherwise; env and
// flag where else it can be set (env only where the name is not made of the path);
// min, max and enum what is accepted; short the key that a list's element is when
// it is no mapping.
type Config struct {
	Listeners        []Listener       `yaml:"listeners" short:"address" default:"127.0.0.1:8080" flag:"listen" arg:"ADDRESS" usage:"address to listen on: host:port or unix:PATH; repeatable" doc:"Where the router listens. An address alone stands for a listener with all defaults."`
	ListenerDefaults ListenerSettings `yaml:"listener_defaults" doc:"What listeners have that do not say otherwise themselves."`
	AllowOpen        bool             `yaml:"allow_open" flag:"allow-open" usage:"listen also where other machines can connect, who may then do everything" doc:"Allows addresses that other machines can reach although there is a realm in which anonymous clients may do everything."`
	Realms           []Realm          `yaml:"realms" short:"name" default:"realm1" flag:"realm" arg:"NAME" usage:"name of a realm; repeatable" doc:"The realms. A name alone stands for a realm with all defaults. A realm that says neither authentication nor roles is open: anonymous clients may do everything."`
	RealmDefaults    RealmSettings    `yaml:"realm_defaults" doc:"What realms, templates and the default realm have that do not say otherwise themselves. A key of their own replaces the one here as a whole."`
	Templates        []Template       `yaml:"templates" doc:"Realms that come into being when somebody joins them, by their names; they end with their last session. The most specific template counts."`
	DefaultRealm     *RealmSettings   `yaml:"default_realm" doc:"Makes every other realm that somebody wants to join. Without it they are refused with wamp.error.no_such_realm."`
	Limits           Limits           `yaml:"limits" doc:"What clients can cost."`
	Timeouts         Timeouts         `yaml:"timeouts" doc:"How long clients may take."`
	Guessing         Guessing         `yaml:"guessing" doc:"What is done against those who guess passwords."`
	Cookies          Cookies          `yaml:"cookies" doc:"Cookies by which browsers come back."`
	Log              Log              `yaml:"log" doc:"What is logged, on standard error."`
	Admin            Admin            `yaml:"admin" doc:"Control over the running router."`

	positions map[string]Pos // of what was said, by path
	files     []string       // that were read, secrets included
}

// Limits bound what clients can cost the whole router.
type Limits struct {
	MaxMessage Size `yaml:"max_message" default:"16MiB" min:"512" max:"2147483647" flag:"max-message" usage:"largest message that a client may send, as in 512KiB" doc:"The largest message that a client may send."`
	MaxQueue   Size `yaml:"max_queue" default:"8MiB" min:"1KiB" flag:"max-queue" usage:"output that may wait for a client before it is disconnected" doc:"How much output may wait for a client that reads too slowly before it is disconnected."`
	MaxMemory  Size `yaml:"max_memory" default:"1GiB" min:"1MiB" flag:"max-memory" usage:"all that may wait in the router" doc:"How much may wait in the whole router: output that clients have not read, messages that have arrived in part."`
	MaxRealms  int  `yaml:"max_realms" default:"1000" min:"1" doc:"How many realms clients can bring into being, by templates and the default realm."`
}

// Timeouts bound how long clients may take.
type Timeouts struct {
	Handshake Duration `yaml:"handshake" default:"10s" min:"1ms" flag:"handshake-timeout" usage:"for a client to open a session" doc:"For a client to open a session, authentication included."`
	KeepAlive Duration `yaml:"keepalive" default:"30s" min:"0s" flag:"keepalive" usage:"silence after which a client is pinged (0: never)" doc:"The silence after which a WebSocket client is pinged; 0: never."`
	Pong      Duration `yaml:"pong" default:"10s" min:"1ms" flag:"pong-timeout" usage:"for a client to answer a ping" doc:"For a client to answer a ping."`
	Write     Duration `yaml:"write" default:"10s" min:"1ms" flag:"write-timeout" usage:"for a client to take some output" doc:"For a client to take some output, when there is any."`
	Goodbye   Duration `yaml:"goodbye" default:"5s" min:"1ms" flag:"goodbye-timeout" usage:"for a client to answer GOODBYE" doc:"For a client to answer GOODBYE and to close its connection."`
	Shutdown  Duration `yaml:"shutdown" default:"10s" min:"1ms" flag:"shutdown-timeout" usage:"for all clients to leave when the router ends" doc:"For all clients to leave when the router ends."`
	Decision  Duration `yaml:"decision" default:"10s" min:"1ms" doc:"For a dynamic authorizer to decide; then the answer is no."`
}

// Log says what is logged.
type Log struct {
	Level  string `yaml:"level" default:"info" enum:"debug info warn error" flag:"log-level" usage:"debug, info, warn or error" doc:"The least level that is logged."`
	Format string `yaml:"format" default:"auto" enum:"auto text json" flag:"log-format" usage:"auto (in color on a terminal), text or json" doc:"auto is text, in color on a terminal."`
}

// Admin is control over the running router.
type Admin struct {
	Realm string `yaml:"realm" doc:"The realm in which the procedure wampeter.reload has the configuration read again. Who may call it is said by the rules of that realm, which therefore must have roles. Empty: there is no such procedure, and SIGHUP is the way."`
}
