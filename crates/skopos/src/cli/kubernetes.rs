//! Where objects of the Prometheus operator come from.

use clap::Args;

/// Objects of the Prometheus operator: ServiceMonitor, PodMonitor and Probe become scrape jobs,
/// PrometheusRule becomes rules.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Kubernetes")]
pub(crate) struct KubernetesArgs {
    /// File of Kubernetes objects, YAML or JSON: ServiceMonitor, PodMonitor and Probe become scrape jobs,
    /// PrometheusRule becomes rules. Patterns are expanded. May be given more than once.
    #[arg(long = "kubernetes.objects", value_name = "FILE", value_delimiter = ',')]
    pub(crate) files: Vec<String>,
    /// Follow the same objects in the cluster itself, in all namespaces.
    #[arg(long = "kubernetes.follow-objects")]
    pub(crate) follow: bool,
    /// Address of the cluster's API; by default that of the cluster which Skopos runs in.
    #[arg(
        long = "kubernetes.api-server",
        value_name = "URL",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) api_server: String,
    /// File that says where the cluster is and who asks.
    #[arg(
        long = "kubernetes.kubeconfig-file",
        value_name = "FILE",
        default_value = "",
        hide_default_value = true,
        conflicts_with = "api_server"
    )]
    pub(crate) kubeconfig_file: String,
}
