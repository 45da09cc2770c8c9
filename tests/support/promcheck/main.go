// Reads what Telpher exposes with the code of those who will read it: Prometheus' own parsers of metrics, expressions and rules, and
// the generated types of the OpenTelemetry protocol. Answers in JSON on standard output.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sort"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

type family struct {
	Name   string              `json:"name"`
	Type   string              `json:"type"`
	Help   string              `json:"help"`
	Series []map[string]string `json:"series"`
	Values []float64           `json:"values"`
}

type exposed struct {
	Families []family `json:"families"`
	Problems []string `json:"problems"`
}

func readMetrics(text []byte) (any, error) {
	textParser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := textParser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	found, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		return nil, err
	}
	answer := exposed{Families: []family{}, Problems: []string{}}
	for _, problem := range found {
		answer.Problems = append(answer.Problems, problem.Metric+": "+problem.Text)
	}
	for name, one := range parsed {
		told := family{Name: name, Type: one.GetType().String(), Help: one.GetHelp(), Series: []map[string]string{}, Values: []float64{}}
		for _, metric := range one.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			value := metric.GetGauge().GetValue() + metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			told.Series = append(told.Series, labels)
			told.Values = append(told.Values, value)
		}
		answer.Families = append(answer.Families, told)
	}
	sort.Slice(answer.Families, func(a, b int) bool { return answer.Families[a].Name < answer.Families[b].Name })
	return answer, nil
}

type selector struct {
	Metric   string              `json:"metric"`
	Matchers []map[string]string `json:"matchers"`
}

type expression struct {
	Text      string     `json:"text"`
	Error     string     `json:"error,omitempty"`
	Selectors []selector `json:"selectors"`
	Grouping  []string   `json:"grouping"`
}

func readExpression(text string) expression {
	answer := expression{Text: text, Selectors: []selector{}, Grouping: []string{}}
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		answer.Error = err.Error()
		return answer
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch one := node.(type) {
		case *parser.VectorSelector:
			told := selector{Metric: one.Name, Matchers: []map[string]string{}}
			for _, matcher := range one.LabelMatchers {
				if matcher.Name != "__name__" {
					told.Matchers = append(told.Matchers, map[string]string{"label": matcher.Name, "type": matcher.Type.String(), "value": matcher.Value})
				}
			}
			answer.Selectors = append(answer.Selectors, told)
		case *parser.AggregateExpr:
			answer.Grouping = append(answer.Grouping, one.Grouping...)
		}
		return nil
	})
	return answer
}

func readExpressions(input []byte) (any, error) {
	var texts []string
	if err := json.Unmarshal(input, &texts); err != nil {
		return nil, err
	}
	answers := []expression{}
	for _, text := range texts {
		answers = append(answers, readExpression(text))
	}
	return answers, nil
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func readRules(text []byte) (any, error) {
	groups, problems := rulefmt.Parse(text, false, model.LegacyValidation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(problems) > 0 {
		return nil, fmt.Errorf("%v", problems)
	}
	rules := []rule{}
	for _, group := range groups.Groups {
		for _, one := range group.Rules {
			rules = append(rules, rule{one.Alert, one.Expr, one.For.String(), one.Labels, one.Annotations})
		}
	}
	return rules, nil
}

// The part of a test that its helpers need: this program is no test.
type helper struct {
	testing.TB
	undo []func()
}

func (h *helper) Helper()                      {}
func (h *helper) Name() string                 { return "alerts" }
func (h *helper) Cleanup(undo func())          { h.undo = append(h.undo, undo) }
func (h *helper) Errorf(text string, a ...any) { panic(fmt.Sprintf(text, a...)) }
func (h *helper) FailNow()                     { panic("failed") }

type evaluation struct {
	Rules string `json:"rules"`
	Cases []struct {
		// Series in the notation of promtool's rule tests.
		Load string `json:"load"`
		// Seconds from the beginning of the series.
		At int64 `json:"at"`
	} `json:"cases"`
}

// Which alerts have something to say at that moment; how long they must have is not waited for.
func readAlerts(input []byte) (any, error) {
	var asked evaluation
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	found, err := readRules([]byte(asked.Rules))
	if err != nil {
		return nil, err
	}
	answers := [][]string{}
	for _, one := range asked.Cases {
		h := &helper{}
		storage := promqltest.LoadedStorage(h, one.Load)
		engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 100000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: parser.NewParser(parser.Options{})})
		firing := []string{}
		for _, rule := range found.([]rule) {
			query, err := engine.NewInstantQuery(context.Background(), storage, nil, rule.Expr, time.Unix(one.At, 0))
			if err != nil {
				return nil, err
			}
			result := query.Exec(context.Background())
			if result.Err != nil {
				return nil, result.Err
			}
			vector, isVector := result.Value.(promql.Vector)
			if isVector && len(vector) > 0 {
				firing = append(firing, rule.Alert)
			}
		}
		answers = append(answers, firing)
		for _, undo := range h.undo {
			undo()
		}
	}
	return answers, nil
}

type span struct {
	TraceID    string         `json:"traceId"`
	SpanID     string         `json:"spanId"`
	ParentID   string         `json:"parentId"`
	Name       string         `json:"name"`
	Kind       string         `json:"kind"`
	Status     string         `json:"status"`
	Message    string         `json:"message"`
	StartMs    int64          `json:"startMs"`
	EndMs      int64          `json:"endMs"`
	Attributes map[string]any `json:"attributes"`
	Resource   map[string]any `json:"resource"`
}

// Unknown fields are errors: what a collector would drop silently is a mistake of ours. What is left is read as a collector reads it.
func readTraces(input []byte) (any, error) {
	if err := protojson.Unmarshal(input, &traces.ExportTraceServiceRequest{}); err != nil {
		return nil, err
	}
	request := ptraceotlp.NewExportRequest()
	if err := request.UnmarshalJSON(input); err != nil {
		return nil, err
	}
	spans := []span{}
	for _, resource := range request.Traces().ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, one := range scope.Spans().All() {
				spans = append(spans, span{
					one.TraceID().String(), one.SpanID().String(), one.ParentSpanID().String(), one.Name(), one.Kind().String(),
					one.Status().Code().String(), one.Status().Message(),
					one.StartTimestamp().AsTime().UnixMilli(), one.EndTimestamp().AsTime().UnixMilli(),
					one.Attributes().AsRaw(), resource.Resource().Attributes().AsRaw(),
				})
			}
		}
	}
	return spans, nil
}

type point struct {
	Attributes map[string]any `json:"attributes"`
	Value      float64        `json:"value"`
}

type instrument struct {
	Name      string  `json:"name"`
	Unit      string  `json:"unit"`
	Type      string  `json:"type"`
	Monotonic bool    `json:"monotonic"`
	Points    []point `json:"points"`
}

// The value of a histogram is the number of its observations.
func readInstruments(input []byte) (any, error) {
	if err := protojson.Unmarshal(input, &metrics.ExportMetricsServiceRequest{}); err != nil {
		return nil, err
	}
	request := pmetricotlp.NewExportRequest()
	if err := request.UnmarshalJSON(input); err != nil {
		return nil, err
	}
	told := []instrument{}
	for _, resource := range request.Metrics().ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, one := range scope.Metrics().All() {
				answer := instrument{Name: one.Name(), Unit: one.Unit(), Type: one.Type().String(), Points: []point{}}
				if one.Type() == pmetric.MetricTypeSum {
					answer.Monotonic = one.Sum().IsMonotonic()
					for _, at := range one.Sum().DataPoints().All() {
						answer.Points = append(answer.Points, point{at.Attributes().AsRaw(), float64(at.IntValue())})
					}
				}
				if one.Type() == pmetric.MetricTypeHistogram {
					for _, at := range one.Histogram().DataPoints().All() {
						if at.BucketCounts().Len() != at.ExplicitBounds().Len()+1 {
							return nil, fmt.Errorf("%s has %d buckets for %d bounds", one.Name(), at.BucketCounts().Len(), at.ExplicitBounds().Len())
						}
						answer.Points = append(answer.Points, point{at.Attributes().AsRaw(), float64(at.Count())})
					}
				}
				told = append(told, answer)
			}
		}
	}
	return told, nil
}

func read(what string, input []byte) (any, error) {
	switch what {
	case "metrics":
		return readMetrics(input)
	case "expressions":
		return readExpressions(input)
	case "alerts":
		return readAlerts(input)
	case "rules":
		return readRules(input)
	case "traces":
		return readTraces(input)
	case "otlp-metrics":
		return readInstruments(input)
	}
	return nil, fmt.Errorf("nothing reads %q", what)
}

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err == nil && len(os.Args) == 2 {
		var answer any
		if answer, err = read(os.Args[1], input); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(answer)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
