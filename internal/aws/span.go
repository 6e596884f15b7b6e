package aws

import (
	"context"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// BeginSpan is told of each call to AWS when it begins; what it returns is told of its
// end. Neither hears what was said.
type BeginSpan func(ctx context.Context, service, operation string) (context.Context, func(error))

// traceCalls tells of each call, its repeated attempts and its waits for a turn included.
func traceCalls(begin BeginSpan) func(*middleware.Stack) error {
	return func(s *middleware.Stack) error {
		if begin == nil {
			return nil
		}
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("PortcullisTrace", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			ctx, end := begin(ctx, awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx))
			out, meta, err := next.HandleInitialize(ctx, in)
			end(err)
			return out, meta, err
		}), middleware.After)
	}
}
