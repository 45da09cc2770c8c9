//go:build tools

// Package tools names the command, so that go.sum covers what it needs.
package tools

import _ "k8s.io/kubernetes/cmd/kubectl"
