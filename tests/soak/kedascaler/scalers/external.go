// Package scalers is KEDA's metrics-api scaler: its own files are copied here from its module when this is built.
package scalers

// As another scaler of the package has it, which is not copied.
const externalMetricType = "External"
