package router

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Webhook is principals that an HTTP endpoint knows. It gets a POST with
// {"realm": …, "authid": …, "details": {…}} in JSON, where details are those of
// Procedure, and answers with status 200 and what Procedure may answer in JSON.
// Status 401, 403 and 404 refuse the client; with any other one nobody is let
// in.
type Webhook struct {
	URL     string
	Header  http.Header   // sent along, such as Authorization
	Timeout time.Duration // of a request; default 5 s

	// Client sends the requests; default: a client that follows no redirects.
	// Its Transport has the TLS configuration.
	Client *http.Client
}

// webhooks sends the requests of all Webhooks without a Client.
var webhooks = &http.Client{
	Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, IdleConnTimeout: 10 * time.Second, MaxIdleConnsPerHost: 16},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// maxAnswer is the size in bytes of the largest answer that is read.
const maxAnswer = 64 << 10

// Find implements Principals.
func (w *Webhook) Find(ctx context.Context, q *Query) (*Principal, error) {
	ctx, cancel := context.WithTimeout(ctx, orDefault(w.Timeout, defaultAnswerTime))
	defer cancel()
	p, err := w.ask(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("webhook %s: %w", w.URL, err)
	}
	return p, nil
}

func (w *Webhook) ask(ctx context.Context, q *Query) (*Principal, error) {
	body := map[string]any{"realm": q.Realm, "authid": nil, "details": q.details()}
	if q.AuthID != "" {
		body["authid"] = q.AuthID
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	for name, values := range w.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	client := w.Client
	if client == nil {
		client = webhooks
	}
	response, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return nil, deny(errors.New("the endpoint answers " + response.Status))
	default:
		return nil, errors.New("the endpoint answers " + response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxAnswer {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	var answer any
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	}
	return principalOf(answer, q)
}

// Provider implements Principals.
func (*Webhook) Provider() string { return "http" }

func (*Webhook) checksTickets() bool { return true }
