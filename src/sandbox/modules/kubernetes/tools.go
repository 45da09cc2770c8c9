// Package tools names the commands that the sandbox builds, so that go.sum covers what they need.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver/app"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	_ "k8s.io/kubernetes/cmd/kube-scheduler/app"
	_ "k8s.io/kubernetes/cmd/kubelet/app"

	_ "k8s.io/component-base/cli"
	_ "k8s.io/kubectl/pkg/cmd"
)
