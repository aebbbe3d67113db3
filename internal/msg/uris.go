package msg

// Error URIs of the specification (basic profile section "Predefined URIs",
// advanced profile section "Error URIs") and those that real peers use.
const (
	ErrInvalidURI               = "wamp.error.invalid_uri"
	ErrNoSuchProcedure          = "wamp.error.no_such_procedure"
	ErrProcedureAlreadyExists   = "wamp.error.procedure_already_exists"
	ErrNoSuchRegistration       = "wamp.error.no_such_registration"
	ErrNoSuchSubscription       = "wamp.error.no_such_subscription"
	ErrInvalidArgument          = "wamp.error.invalid_argument"
	ErrCanceled                 = "wamp.error.canceled"
	ErrCancelled                = "wamp.error.cancelled" // spelling of the basic profile; accepted, never sent
	ErrPayloadSizeExceeded      = "wamp.error.payload_size_exceeded"
	ErrProtocolViolation        = "wamp.error.protocol_violation"
	ErrNotAuthorized            = "wamp.error.not_authorized"
	ErrAuthorizationFailed      = "wamp.error.authorization_failed"
	ErrNoSuchRealm              = "wamp.error.no_such_realm"
	ErrNoSuchRole               = "wamp.error.no_such_role"
	ErrNoMatchingAuthMethod     = "wamp.error.no_matching_auth_method"
	ErrNoSuchPrincipal          = "wamp.error.no_such_principal"
	ErrAuthenticationDenied     = "wamp.error.authentication_denied"
	ErrAuthenticationFailed     = "wamp.error.authentication_failed"
	ErrAuthenticationRequired   = "wamp.error.authentication_required"
	ErrAuthorizationDenied      = "wamp.error.authorization_denied"
	ErrAuthorizationRequired    = "wamp.error.authorization_required"
	ErrTimeout                  = "wamp.error.timeout"
	ErrOptionNotAllowed         = "wamp.error.option_not_allowed"
	ErrOptionDisallowedDisclose = "wamp.error.option_disallowed.disclose_me"
	ErrNetworkFailure           = "wamp.error.network_failure"
	ErrUnavailable              = "wamp.error.unavailable"
	ErrNoAvailableCallee        = "wamp.error.no_available_callee"
	ErrFeatureNotSupported      = "wamp.error.feature_not_supported"
	ErrNoSuchSession            = "wamp.error.no_such_session"
	ErrRuntimeError             = "wamp.error.runtime_error"
	ErrInvalidPayload           = "wamp.error.invalid_payload"
	ErrHistoryUnavailable       = "wamp.error.history_unavailable"
	ErrLimitExceeded            = "wamp.error.limit_exceeded" // proposed in wamp-proto #510
)

// Reasons of GOODBYE and of ended sessions.
const (
	CloseRealm          = "wamp.close.close_realm"
	CloseGoodbyeAndOut  = "wamp.close.goodbye_and_out"
	CloseSystemShutdown = "wamp.close.system_shutdown"
	CloseKilled         = "wamp.close.killed"
	CloseNormal         = "wamp.close.normal"
	CloseTransportLost  = "wamp.close.transport_lost"
	CloseAuth           = "wamp.close.auth" // the authentication has expired, or would not be accepted any more
)
