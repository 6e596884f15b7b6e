package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// stack remembers what has been started, so that it is stopped in the order reversed:
// also what was started before something else failed to.
type stack struct{ parts []part }

type part struct {
	name string
	stop func(context.Context) error
}

func (s *stack) push(name string, stop func(context.Context) error) {
	s.parts = append(s.parts, part{name, stop})
}

// stop stops every part, whatever the others say.
func (s *stack) stop(ctx context.Context) error {
	var errs []error
	for _, p := range slices.Backward(s.parts) {
		if err := p.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stopping %s: %w", p.name, err))
		}
	}
	s.parts = nil
	return errors.Join(errs...)
}
