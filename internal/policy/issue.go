package policy

// Severity says what an issue means for a change.
type Severity string

// An error stops a change from being submitted (unless settings allow it), a warning
// asks for a second look, an info is good to know.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// Issue is something to say about the desired state. Code is stable, so that settings,
// tests and people can refer to it; docs of the codes stand in lint.go.
type Issue struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Object   string   `json:"object"`             // "allowlist office", "mapping Bob for all accounts"
	Position string   `json:"position,omitempty"` // file:line, when it comes from a scenario
	Message  string   `json:"message"`
	Advice   string   `json:"advice,omitempty"`
}
