//! The `BpMonitor` custom resource.
