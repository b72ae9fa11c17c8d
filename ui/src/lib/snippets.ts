/** What to write into whose configuration so that it sends to this Skopos. */

export interface Snippet {
  title: string;
  /** The file it goes into. */
  file: string;
  about: string;
  text: string;
}

/** `origin` is the address of the page, under whose host name clients reach this machine. */
export function snippets(origin: string): Snippet[] {
  const { protocol, hostname: host } = new URL(origin);
  const insecure = protocol === 'https:' ? '' : '\n    tls:\n      insecure: true';
  return [
    {
      title: 'Traces and logs by OpenTelemetry', file: 'environment',
      about: 'Every OpenTelemetry SDK reads these. gRPC on 4317, HTTP on 4318 or on the port of this page.',
      text: `export OTEL_EXPORTER_OTLP_ENDPOINT=${protocol}//${host}:4317\nexport OTEL_EXPORTER_OTLP_PROTOCOL=grpc\nexport OTEL_SERVICE_NAME=my-service`,
    },
    {
      title: 'Scrape a service', file: 'prometheus.yml',
      about: 'Start with skopos serve --config.file prometheus.yml. Your present file works unchanged.',
      text: `scrape_configs:\n  - job_name: my-service\n    scrape_interval: 15s\n    static_configs:\n      - targets: ['localhost:8000']`,
    },
    {
      title: 'Forward from a running Prometheus', file: 'prometheus.yml',
      about: 'Remote write keeps your Prometheus and fills Skopos beside it.',
      text: `remote_write:\n  - url: ${origin}/api/v1/write`,
    },
    {
      title: 'Ship logs with Alloy', file: 'config.alloy',
      about: 'Alloy, Promtail, Fluent Bit and Vector speak Loki’s push protocol.',
      text: `local.file_match "app" {\n  path_targets = [{ __path__ = "/var/log/app/*.log", service_name = "my-service" }]\n}\n\nloki.source.file "app" {\n  targets    = local.file_match.app.targets\n  forward_to = [loki.write.skopos.receiver]\n}\n\nloki.write "skopos" {\n  endpoint {\n    url = "${origin}/loki/api/v1/push"\n  }\n}`,
    },
    {
      title: 'Push one log line', file: 'shell',
      about: 'The quickest proof that logs arrive; look for it under Explore, Logs.',
      text: `curl -sS -X POST ${origin}/loki/api/v1/push \\\n  -H 'Content-Type: application/json' \\\n  -d '{"streams":[{"stream":{"service_name":"hello"},"values":[["'$(date +%s)'000000000","hello from the shell"]]}]}'`,
    },
    {
      title: 'OpenTelemetry Collector', file: 'config.yaml',
      about: 'One exporter for all three signals.',
      text: `exporters:\n  otlp/skopos:\n    endpoint: ${host}:4317${insecure}\n\nservice:\n  pipelines:\n    traces: { exporters: [otlp/skopos] }\n    logs: { exporters: [otlp/skopos] }`,
    },
    {
      title: 'Grafana data sources', file: 'provisioning/datasources/skopos.yaml',
      about: 'Skopos answers as Prometheus, Loki and Jaeger, so Grafana can stay where it is.',
      text: `apiVersion: 1\ndatasources:\n  - { name: Skopos metrics, type: prometheus, url: ${origin} }\n  - { name: Skopos logs, type: loki, url: ${origin} }\n  - { name: Skopos traces, type: jaeger, url: ${origin}/jaeger }`,
    },
    {
      title: 'Dashboards and rules', file: 'shell',
      about: 'A folder with any of prometheus.yml, rules/*.yml and dashboards/*.json (Grafana’s own JSON) is a pack.',
      text: `skopos serve --pack ./my-pack`,
    },
  ];
}
