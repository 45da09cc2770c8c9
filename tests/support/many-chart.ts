/**
 * A chart that keeps helm at work for a moment without a node: a hook before its objects, and then many of them. Its objects bear the
 * name of the release, so that several releases fit into one namespace.
 * @param version is in every object
 */
export const manyChart = (version: number, count = 40): Readonly<Record<string, string>> => ({
  'Chart.yaml': `apiVersion: v2\nname: many\nversion: 0.0.${version}\n`,
  'templates/hook.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  annotations: { "helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": before-hook-creation }
`,
  'templates/maps.yaml': `{{- range $index := until ${count} }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.Release.Name }}-{{ $index }}
data: { version: "${version}" }
{{- end }}
`,
})
