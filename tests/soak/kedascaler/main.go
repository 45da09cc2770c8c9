// Asks a server how large a pool should be with KEDA's own metrics-api scaler, as KEDA's operator does at each poll.
// It reads questions from standard input, a line of JSON each, and answers each with one.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"

	"telpher.dev/kedascaler/scalers"
)

// The trigger of a ScaledObject, and what its TriggerAuthentication comes to.
type question struct {
	Metadata   map[string]string `json:"metadata"`
	AuthParams map[string]string `json:"authParams"`
}

type answer struct {
	// What the HorizontalPodAutoscaler divides by the target.
	Value  float64 `json:"value"`
	Target float64 `json:"target"`
	// Whether KEDA scales from zero, or stays above it.
	Active bool   `json:"active"`
	Error  string `json:"error,omitempty"`
}

func main() {
	questions, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for questions.More() {
		var asked question
		if err := questions.Decode(&asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		said, err := ask(asked)
		if err != nil {
			said = answer{Error: err.Error()}
		}
		if err := answers.Encode(said); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
}

func ask(asked question) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	scaler, err := scalers.NewMetricsAPIScaler(&scalersconfig.ScalerConfig{
		ScalableObjectName:      "workers",
		ScalableObjectNamespace: "telpher",
		ScalableObjectType:      "ScaledObject",
		TriggerMetadata:         asked.Metadata,
		AuthParams:              asked.AuthParams,
		GlobalHTTPTimeout:       10 * time.Second,
	}, nil)
	if err != nil {
		return answer{}, err
	}
	defer scaler.Close(ctx)
	spec := scaler.GetMetricSpecForScaling(ctx)[0].External
	values, active, err := scaler.GetMetricsAndActivity(ctx, spec.Metric.Name)
	if err != nil {
		return answer{}, err
	}
	return answer{
		Value:  values[0].Value.AsApproximateFloat64(),
		Target: spec.Target.AverageValue.AsApproximateFloat64(),
		Active: active,
	}, nil
}
