package router

import (
	"bytes"
	"context"
	"encoding/json"
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
	answer, status, err := post(ctx, w.Client, w.URL, w.Header, body)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound:
		return nil, deny(fmt.Errorf("the endpoint answers with status %d", status))
	case status != http.StatusOK:
		return nil, fmt.Errorf("the endpoint answers with status %d", status)
	}
	return principalOf(answer, q)
}

// post sends a body in JSON to an endpoint, and returns what it answers with
// status 200, or another status.
func post(ctx context.Context, client *http.Client, url string, header http.Header, body any) (answer any, status int, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return nil, 0, err
	}
	for name, values := range header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if client == nil {
		client = webhooks
	}
	response, err := client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, response.StatusCode, nil
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, 0, err
	}
	if len(data) > maxAnswer {
		return nil, 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, 0, fmt.Errorf("the answer is no JSON: %w", err)
	}
	return answer, http.StatusOK, nil
}

// Provider implements Principals.
func (*Webhook) Provider() string { return "http" }

func (*Webhook) checksTickets() bool { return true }
