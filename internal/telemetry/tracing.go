package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"portcullis.internal/portcullis/internal/access"
)

// Tracing sends spans of requests, background jobs, database statements and calls to AWS
// to where OpenTelemetry's own variables say. Without them it is nil, and costs nothing.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// wanted reports whether the environment names a place for traces, by the names that
// OpenTelemetry gives to these settings everywhere.
func tracesWanted(env func(string) string) bool {
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") || strings.EqualFold(env("OTEL_TRACES_EXPORTER"), "none") {
		return false
	}
	return env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// StartTracing starts sending spans to the collector that the environment names. Without
// one it returns nil. It passes push the function that sends the last spans and stops.
func StartTracing(
	ctx context.Context, version string, log *slog.Logger, push func(name string, stop func(context.Context) error),
) (*Tracing, error) {
	if !tracesWanted(os.Getenv) {
		return nil, nil //nolint:nilnil // not to trace is no error
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, access.Wrap(access.KindInvalid, err, "Traces cannot be sent. Correct the OTEL_EXPORTER_OTLP variables, or unset them")
	}
	about, err := resource.Merge(resource.NewSchemaless(attribute.String("service.name", "portcullis"), attribute.String("service.version", version)), resource.Environment())
	if err != nil {
		return nil, fmt.Errorf("describing this process for traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	push("the traces", provider.Shutdown)
	log.Info("traces are sent")
	return &Tracing{provider: provider, tracer: provider.Tracer("portcullis")}, nil
}

// Requests adds a span for each request; its name has no ids in it, so that there are
// only so many names.
func (t *Tracing) Requests(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return otelhttp.NewHandler(next, "", otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return method(r.Method) + " " + section(r.URL.Path) }))
}

// section is the first part of a path, or the first two of the API's after its version.
func section(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(parts) > 2 && parts[0] == "api" {
		return "/api/v1/" + parts[2]
	}
	return "/" + parts[0]
}

// Statements traces the database; nil for not at all. Arguments are left out.
func (t *Tracing) Statements() pgx.QueryTracer {
	if t == nil {
		return nil
	}
	return otelpgx.NewTracer(otelpgx.WithTracerProvider(t.provider), otelpgx.WithDisableConnectionDetailsInAttributes())
}

// Calls traces calls to AWS; nil for not at all.
func (t *Tracing) Calls() func(ctx context.Context, service, operation string) (context.Context, func(error)) {
	if t == nil {
		return nil
	}
	return func(ctx context.Context, service, operation string) (context.Context, func(error)) {
		return t.begin(ctx, service+"."+operation, trace.SpanKindClient, attribute.String("rpc.system", "aws-api"), attribute.String("rpc.service", service), attribute.String("rpc.method", operation))
	}
}

// job begins the span of one background job.
func (t *Tracing) job(ctx context.Context, kind string) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	return t.begin(ctx, "job "+kind, trace.SpanKindConsumer)
}

func (t *Tracing) begin(ctx context.Context, name string, kind trace.SpanKind, about ...attribute.KeyValue) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(about...))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, outcome(err))
		}
		span.End()
	}
}
