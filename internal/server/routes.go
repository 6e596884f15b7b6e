package server

import (
	"context"

	"portcullis.internal/portcullis/web/transport"
)

// Routes lists every route of the console as it is composed here, without starting
// anything: for tests that derive their cases from it.
func Routes() ([]transport.Route, error) {
	cfg := Config{}.withDefaults()
	console, err := newServices(cfg, nil, nil).console(cfg, context.Background())
	if err != nil {
		return nil, err
	}
	return console.Routes(), nil
}
