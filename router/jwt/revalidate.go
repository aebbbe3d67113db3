package jwt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/wampeter/wampeter/router"
)

// evidence is what is kept of a token, as Identity.Evidence: what it says, and
// which key it was signed with. The token itself, by which anybody could log in,
// is not.
type evidence struct {
	Realm     string `json:"realm"`
	KeyID     string `json:"kid,omitempty"`
	Algorithm string `json:"alg"`
	Key       string `json:"key"` // its digest
	Claims    Claims `json:"claims"`
}

func (e *evidence) text() (string, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("jwt: keep claims: %w", err)
	}
	return string(text), nil
}

// keyTimeout is how long Revalidate waits for Keys.
const keyTimeout = 5 * time.Second

// Revalidate implements router.Revalidator: a session stays as long as its token
// would be accepted, for the same principal. Its key has to be among the keys
// still, and all that Config says of tokens has to fit. While the keys cannot be
// looked up nobody can tell, and the session stays until its token expires.
func (a *Authenticator) Revalidate(id *router.Identity) *router.Identity {
	again, err := a.verifyAgain(id.Evidence)
	switch {
	case errors.Is(err, errNoKeys):
		return id
	case err != nil || again.AuthID != id.AuthID:
		return nil
	}
	again.Method, again.Evidence = id.Method, id.Evidence
	return again
}

// verifyAgain is Verify for a token that was accepted before.
func (a *Authenticator) verifyAgain(text string) (*router.Identity, error) {
	var by evidence
	if err := json.Unmarshal([]byte(text), &by); err != nil {
		return nil, errors.New("jwt: the session is not by a token")
	}
	if !slices.Contains(a.cfg.Algorithms, by.Algorithm) {
		return nil, fmt.Errorf("jwt: %s is not among the algorithms", by.Algorithm)
	}
	if err := a.validator.Validate(gojwt.MapClaims(by.Claims)); err != nil {
		return nil, fmt.Errorf("jwt: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), keyTimeout)
	defer cancel()
	keys, err := a.keys(ctx, &by)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(keys, func(k Key) bool { return k.digest == by.Key }) {
		return nil, errors.New("jwt: the key of the token is none any more")
	}
	return a.identity(by.Realm, by.Claims)
}
