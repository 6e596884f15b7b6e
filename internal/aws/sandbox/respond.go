package sandbox

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var namespaces = map[string]string{
	"iam": "https://iam.amazonaws.com/doc/2010-05-08/",
	"sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}

// xmlWriter writes the elements of a query answer one after the other.
type xmlWriter struct{ b strings.Builder }

func (x *xmlWriter) el(name, value string) {
	x.b.WriteString("<" + name + ">")
	_ = xml.EscapeText(&x.b, []byte(value)) // a strings.Builder never fails
	x.b.WriteString("</" + name + ">")
}

func (x *xmlWriter) in(name string, inside func()) {
	x.b.WriteString("<" + name + ">")
	inside()
	x.b.WriteString("</" + name + ">")
}

func (x *xmlWriter) time(name string, t time.Time) {
	x.el(name, t.UTC().Format("2006-01-02T15:04:05Z"))
}

// names writes a list of strings as AWS does: <Name><member>…</member></Name>.
func (x *xmlWriter) names(name string, values []string) {
	x.in(name, func() {
		for _, v := range values {
			x.el("member", v)
		}
	})
}

// respond sends the result, or the refusal in the protocol of the service.
func (c *call) respond(w http.ResponseWriter, refusal *apiError) {
	w.Header().Set("X-Amzn-RequestId", c.id)
	switch {
	case c.service == "organizations" && refusal != nil:
		writeJSON(w, "application/x-amz-json-1.1", http.StatusBadRequest+jsonStatus(refusal), map[string]string{"__type": jsonCode(refusal), "Message": refusal.message})
	case c.service == "organizations":
		writeJSON(w, "application/x-amz-json-1.1", http.StatusOK, c.out)
	case refusal != nil:
		c.writeXMLError(w, refusal)
	default:
		c.writeXML(w)
	}
}

// jsonStatus lifts a server's failure from 400 to 500; the JSON services answer every
// refusal of the caller's making with 400.
func jsonStatus(e *apiError) int {
	if e.status >= http.StatusInternalServerError {
		return http.StatusInternalServerError - http.StatusBadRequest
	}
	return 0
}

var jsonCodes = map[string]string{
	"AccessDenied":               "AccessDeniedException",
	"InvalidClientTokenId":       "UnrecognizedClientException",
	"SignatureDoesNotMatch":      "InvalidSignatureException",
	"MissingAuthenticationToken": "MissingAuthenticationTokenException",
	"ExpiredToken":               "ExpiredTokenException",
	"Throttling":                 "TooManyRequestsException",
	"ValidationError":            "InvalidInputException",
	"InvalidInput":               "InvalidInputException",
	"ServiceFailure":             "ServiceException",
	"InvalidAction":              "UnknownOperationException",
}

func jsonCode(e *apiError) string {
	if code, ok := jsonCodes[e.code]; ok {
		return code
	}
	return e.code
}

func writeJSON(w http.ResponseWriter, contentType string, status int, body any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, contentType, status, b.Bytes())
}

func send(w http.ResponseWriter, contentType string, status int, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone when this fails
}

func (c *call) writeXML(w http.ResponseWriter) {
	var x xmlWriter
	x.b.WriteString(`<` + c.name + `Response xmlns="` + namespaces[c.service] + `">`)
	if result := c.xml.b.String(); result != "" {
		x.b.WriteString("<" + c.name + "Result>" + result + "</" + c.name + "Result>")
	}
	x.in("ResponseMetadata", func() { x.el("RequestId", c.id) })
	x.b.WriteString("</" + c.name + "Response>")
	send(w, "text/xml", http.StatusOK, []byte(x.b.String()))
}

func (c *call) writeXMLError(w http.ResponseWriter, e *apiError) {
	kind := "Sender"
	if e.status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	var x xmlWriter
	x.b.WriteString(`<ErrorResponse xmlns="` + namespaces[c.service] + `">`)
	x.in("Error", func() {
		x.el("Type", kind)
		x.el("Code", e.code)
		x.el("Message", e.message)
	})
	x.el("RequestId", c.id)
	x.b.WriteString("</ErrorResponse>")
	send(w, "text/xml", e.status, []byte(x.b.String()))
}
