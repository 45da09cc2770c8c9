// Command requestinfo answers what kube-apiserver makes of requests: its own RequestInfoFactory, with the prefixes of
// kube-apiserver, behind the parsing of net/http. It reads one JSON object a line from standard input, {"m":METHOD,"u":URL}, and
// answers one a line, in order. It is the oracle of the gate's request path parser.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/klog/v2"
)

type question struct {
	Method string `json:"m"`
	URL    string `json:"u"`
}

// answer has short names and leaves out what is empty: thousands of them lie in a fixture.
type answer struct {
	Error       string `json:"e,omitempty"`
	IsResource  bool   `json:"i,omitempty"`
	Verb        string `json:"v,omitempty"`
	Prefix      string `json:"p,omitempty"`
	Group       string `json:"g,omitempty"`
	Version     string `json:"ver,omitempty"`
	Namespace   string `json:"ns,omitempty"`
	Resource    string `json:"r,omitempty"`
	Subresource string `json:"s,omitempty"`
	Name        string `json:"n,omitempty"`
}

func ask(factory *request.RequestInfoFactory, asked question) answer {
	// As the server reads it from the wire: ReadRequest parses the request target with url.ParseRequestURI.
	from, to := io.Pipe()
	go func() {
		fmt.Fprintf(to, "%s %s HTTP/1.1\r\nHost: oracle\r\n\r\n", asked.Method, asked.URL)
		to.Close()
	}()
	read, err := http.ReadRequest(bufio.NewReader(from))
	from.Close()
	if err != nil {
		return answer{Error: "http"}
	}
	info, err := factory.NewRequestInfo(read)
	if err != nil {
		return answer{Error: "info"}
	}
	return answer{
		IsResource: info.IsResourceRequest, Verb: info.Verb, Prefix: info.APIPrefix, Group: info.APIGroup,
		Version: info.APIVersion, Namespace: info.Namespace, Resource: info.Resource,
		Subresource: info.Subresource, Name: info.Name,
	}
}

func main() {
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	factory := &request.RequestInfoFactory{
		APIPrefixes:          sets.NewString("api", "apis"),
		GrouplessAPIPrefixes: sets.NewString("api"),
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 64*1024), 1024*1024)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := out.Encode(ask(factory, asked)); err != nil {
			os.Exit(1)
		}
	}
}
