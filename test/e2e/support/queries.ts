/** What people ask: panels of node and Kubernetes dashboards, and the expressions of their alerts. */

export interface Asked {
  readonly expr: string
  /** The order of an instant answer is part of it. */
  readonly ordered?: boolean | undefined
  /** Why 2.42 gives other last bits than 3.x: then its numbers are compared with a tolerance. */
  readonly roundsOtherwise?: string | undefined
  /** Why 2.42 gives another answer than 3.x: then only 3.x is asked. */
  readonly meansOtherwise?: string | undefined
  /** Why Prometheus on this processor gives other last bits than on amd64. */
  readonly machineMath?: string | undefined
}

const SUMMATION =
  '3.x sums aggregations with a compensation for rounding (Kahan and Neumaier), 2.42 without'
const AVERAGE = '3.x averages by a compensated sum and one division, 2.42 by a running mean'
const SLOPPY_SUM_BELOW = `${SUMMATION}; the quantile is interpolated between such sums`
/** Go fuses multiplications with additions where the processor can: elsewhere than on amd64 its last bits are others. */
const MACHINE_LIBRARY =
  process.arch === 'x64' ? undefined : 'Go fuses multiplications and additions on this processor'
const TIES = 'which of equal values topk and bottomk leave out changed'

const NODE = 'instance="10.0.0.2:9100",job="node"'
const POD = 'cluster="made", namespace="shop"'

/** The panels of the dashboard Node Exporter Full. */
const NODE_PANELS: readonly string[] = [
  `100 * (1 - avg(rate(node_cpu_seconds_total{mode="idle", ${NODE}}[5m])))`,
  `scalar(node_load1{${NODE}}) * 100 / count(count(node_cpu_seconds_total{${NODE}}) by (cpu))`,
  `(1 - (node_memory_MemAvailable_bytes{${NODE}} / node_memory_MemTotal_bytes{${NODE}})) * 100`,
  `((node_memory_SwapTotal_bytes{${NODE}} - node_memory_SwapFree_bytes{${NODE}}) / (node_memory_SwapTotal_bytes{${NODE}})) * 100`,
  `100 - ((node_filesystem_avail_bytes{${NODE},mountpoint="/",fstype!="rootfs"} * 100) / node_filesystem_size_bytes{${NODE},mountpoint="/",fstype!="rootfs"})`,
  `count(count(node_cpu_seconds_total{${NODE}}) by (cpu))`,
  `node_time_seconds{${NODE}} - node_boot_time_seconds{${NODE}}`,
  `sum(irate(node_cpu_seconds_total{${NODE},mode="system"}[5m])) / scalar(count(count(node_cpu_seconds_total{${NODE}}) by (cpu)))`,
  `sum(irate(node_cpu_seconds_total{${NODE},mode=~".*irq"}[5m])) / scalar(count(count(node_cpu_seconds_total{${NODE}}) by (cpu)))`,
  `sum(irate(node_cpu_seconds_total{${NODE},mode!='idle',mode!='user',mode!='system',mode!='iowait',mode!='irq',mode!='softirq'}[5m]))`,
  `sum by (mode) (rate(node_cpu_seconds_total{job="node"}[5m]))`,
  `sum by (instance, mode) (irate(node_cpu_seconds_total{mode!~"idle|nice"}[10m]))`,
  `node_memory_MemTotal_bytes{${NODE}} - node_memory_MemFree_bytes{${NODE}} - (node_memory_Cached_bytes{${NODE}} + node_memory_Buffers_bytes{${NODE}} + node_memory_SReclaimable_bytes{${NODE}})`,
  `node_memory_Cached_bytes{${NODE}} + node_memory_Buffers_bytes{${NODE}} + node_memory_SReclaimable_bytes{${NODE}}`,
  `rate(node_network_receive_bytes_total{${NODE}}[5m]) * 8`,
  `irate(node_network_transmit_bytes_total{${NODE}}[5m]) * 8`,
  `rate(node_network_receive_errs_total[5m]) + rate(node_network_transmit_errs_total[5m])`,
  `increase(node_network_receive_drop_total{device!~"veth.*|lo"}[1h])`,
  `node_network_speed_bytes * 8 and on (instance, device) node_network_up == 1`,
  `irate(node_disk_reads_completed_total{${NODE},device=~"[a-z]+|nvme[0-9]+n[0-9]+|mmcblk[0-9]+"}[5m])`,
  `rate(node_disk_read_time_seconds_total[5m]) / rate(node_disk_reads_completed_total[5m])`,
  `-rate(node_disk_written_bytes_total{${NODE}}[5m])`,
  `irate(node_disk_io_time_seconds_total{${NODE}}[5m])`,
  `rate(node_disk_io_time_weighted_seconds_total[10m]) > 0.5`,
  `irate(node_vmstat_pgpgin{${NODE}}[5m]) - irate(node_vmstat_pgpgout{${NODE}}[5m])`,
  `node_load1{${NODE}} / node_load15{${NODE}}`,
  `node_timex_offset_seconds * 1e6`,
  `rate(node_context_switches_total[5m]) + rate(node_intr_total[5m])`,
  `rate(node_forks_total{${NODE}}[5m])`,
  `node_procs_blocked or node_procs_running`,
  `node_filefd_allocated / node_filefd_maximum`,
  `rate(node_netstat_Tcp_RetransSegs[5m]) / rate(node_netstat_Tcp_OutSegs[5m])`,
  `node_hwmon_temp_celsius{${NODE}} * on(chip) group_left() group by (chip) (node_hwmon_temp_celsius{${NODE}})`,
  `node_systemd_unit_state{state="failed"} == 1`,
  `node_scrape_collector_duration_seconds`,
  `{__name__=~"node_memory_(Active|Inactive)_bytes"}`,
  `node_filesystem_files - node_filesystem_files_free`,
  `node_sockstat_TCP_tw + node_sockstat_TCP_inuse`,
]

/** Alerts and recording rules of the node mixin. */
const NODE_RULES: readonly string[] = [
  `(node_filesystem_avail_bytes{job="node",fstype!="",mountpoint!=""} / node_filesystem_size_bytes{job="node",fstype!="",mountpoint!=""} * 100 < 40 and predict_linear(node_filesystem_avail_bytes{job="node",fstype!="",mountpoint!=""}[6h], 24*60*60) < 0 and node_filesystem_readonly{job="node",fstype!="",mountpoint!=""} == 0)`,
  `predict_linear(node_filesystem_avail_bytes[6h], 4*3600)`,
  `predict_linear(node_filesystem_files_free{job="node"}[1h], 4*60*60) < 3.9e6`,
  `rate(node_network_receive_errs_total{job="node"}[2h]) / rate(node_network_receive_packets_total{job="node"}[2h]) > 0.000001`,
  `(node_nf_conntrack_entries{job="node"} / node_nf_conntrack_entries_limit) > 0.75`,
  `(node_timex_offset_seconds{job="node"} > 0.0004 and deriv(node_timex_offset_seconds{job="node"}[20m]) >= 0) or (node_timex_offset_seconds{job="node"} < -0.0004 and deriv(node_timex_offset_seconds{job="node"}[20m]) <= 0)`,
  `min_over_time(node_timex_sync_status{job="node"}[1h]) == 0 and node_timex_maxerror_seconds{job="node"} >= 0.1`,
  `sum without(mode) (avg without (cpu) (rate(node_cpu_seconds_total{job="node", mode!="idle"}[5m]))) * 100 > 20`,
  `node_load1{job="node"} / count without (cpu, mode) (node_cpu_seconds_total{job="node", mode="idle"}) > 0.5`,
  `rate(node_vmstat_pgmajfault{job="node"}[5m]) > 0.2`,
  `increase(node_vmstat_oom_kill{job="node"}[1d]) > 0`,
  `100 - (node_memory_MemAvailable_bytes{job="node"} / node_memory_MemTotal_bytes{job="node"} * 100) > 60`,
  `count without (cpu, mode) (node_cpu_seconds_total{job="node",mode="idle"})`,
  `1 - avg without (cpu) (sum without (mode) (rate(node_cpu_seconds_total{job="node", mode=~"idle|iowait|steal"}[5m])))`,
  `1 - ((node_memory_MemAvailable_bytes{job="node"} or (node_memory_Buffers_bytes{job="node"} + node_memory_Cached_bytes{job="node"} + node_memory_MemFree_bytes{job="node"} + node_memory_Slab_bytes{job="node"})) / node_memory_MemTotal_bytes{job="node"})`,
  `sum without (device) (rate(node_network_receive_bytes_total{job="node", device!="lo"}[5m]))`,
  `changes(node_network_up{device!~"veth.+"}[6h])`,
  `resets(node_intr_total[1d])`,
  `up{job="node"} == 0`,
  `absent(up{job="nodes", instance=~".+"})`,
  `absent_over_time(node_load1{instance="10.0.0.2:9100"}[10m])`,
]

/** Alerts, rules and panels of the Kubernetes mixin. */
const KUBERNETES: readonly string[] = [
  `sum by (cluster, namespace, pod, container) (rate(container_cpu_usage_seconds_total{image!=""}[5m])) * on (cluster, namespace, pod) group_left(node) topk by (cluster, namespace, pod) (1, max by (cluster, namespace, pod, node) (kube_pod_info{node!=""}))`,
  `sum by (namespace) (sum by (namespace, pod, cluster) (max by (namespace, pod, container, cluster) (kube_pod_container_resource_requests{resource="memory",job="kube-state-metrics"}) * on(namespace, pod, cluster) group_left() max by (namespace, pod, cluster) (kube_pod_status_phase{phase=~"Pending|Running"} == 1)))`,
  `kube_pod_container_resource_limits{resource="cpu"} * on (namespace, pod, cluster) group_left() max by (namespace, pod, cluster) ((kube_pod_status_phase{phase=~"Pending|Running"} == 1))`,
  `max by (cluster, namespace, workload, pod) (label_replace(kube_pod_owner{owner_kind="ReplicaSet"}, "workload", "$1", "owner_name", "(.+)-[^-]+"))`,
  `sum(rate(container_cpu_usage_seconds_total{${POD}}[5m])) by (pod)`,
  `sum(container_memory_working_set_bytes{${POD}, container!="", image!=""}) by (pod) / sum(kube_pod_container_resource_requests{${POD}, resource="memory"}) by (pod)`,
  `sum(kube_pod_container_resource_requests{resource="cpu"}) by (cluster) / sum(kube_node_status_allocatable{resource="cpu"}) by (cluster)`,
  `sum(increase(container_cpu_cfs_throttled_periods_total{container!=""}[5m])) by (cluster, container, pod, namespace) / sum(increase(container_cpu_cfs_periods_total{}[5m])) by (cluster, container, pod, namespace) > (25 / 100)`,
  `max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff", job="kube-state-metrics"}[5m]) >= 1`,
  `sum by (namespace, pod, cluster) (max by(namespace, pod, cluster) (kube_pod_status_phase{job="kube-state-metrics", phase=~"Pending|Unknown|Failed"}) * on(namespace, pod, cluster) group_left(owner_kind) topk by(namespace, pod, cluster) (1, max by(namespace, pod, owner_kind, cluster) (kube_pod_owner{owner_kind!="Job"}))) > 0`,
  `kube_deployment_status_observed_generation{job="kube-state-metrics"} != kube_deployment_metadata_generation{job="kube-state-metrics"}`,
  `(kube_deployment_spec_replicas{job="kube-state-metrics"} > kube_deployment_status_replicas_available{job="kube-state-metrics"}) and (changes(kube_deployment_status_replicas_updated{job="kube-state-metrics"}[10m]) == 0)`,
  `kube_node_status_condition{job="kube-state-metrics",condition="Ready",status="true"} == 0 and on (cluster, node) kube_node_spec_unschedulable == 0`,
  `sum(changes(kube_node_status_condition{status="true",condition="Ready"}[3h])) by (cluster, node) > 0`,
  `count by (cluster) (count by (kubelet_version, cluster) (label_replace(kube_node_info, "kubelet_version", "$1", "kubelet_version", "(v[0-9]*.[0-9]*).*")))`,
  `sum(kube_pod_container_resource_requests{resource="memory"}) - (sum(kube_node_status_allocatable{resource="memory"}) - max(kube_node_status_allocatable{resource="memory"})) > -1e11`,
  `increase(kube_pod_container_status_restarts_total[6h]) > 0`,
  `topk by (namespace) (2, sum by (namespace, pod) (container_memory_rss))`,
  `sum(rate(container_network_receive_bytes_total{cluster="made"}[5m])) by (namespace) + sum(rate(container_network_transmit_bytes_total{cluster="made"}[5m])) by (namespace)`,
  `count(kube_pod_info) by (node)`,
  `count_values by (namespace) ("restarts", kube_pod_container_status_restarts_total)`,
  `absent(up{job="kube-state-metrics"} == 1)`,
  `label_join(kube_pod_info{namespace="shop"}, "where", "/", "cluster", "namespace", "pod")`,
  `sum by (node) (container_memory_working_set_bytes) unless on (node) kube_node_spec_unschedulable == 1`,
  `group by (pod) (kube_pod_info) * on (pod) group_right max by (pod, container) (container_memory_cache)`,
  `avg_over_time(container_memory_working_set_bytes{namespace="infra"}[1h])`,
  `quantile by (namespace) (0.9, rate(container_cpu_usage_seconds_total[10m]))`,
  `stddev by (namespace) (container_memory_rss)`,
  `stdvar(rate(container_network_receive_bytes_total[5m]))`,
]

/** A web service's panels, objectives and alerts. */
const WEB: readonly string[] = [
  `sum(rate(http_requests_total[5m]))`,
  `sum by (code) (rate(http_requests_total{job="web"}[5m]))`,
  `sum(rate(http_requests_total{code=~"5.."}[30m])) by (handler) / sum(rate(http_requests_total[30m])) by (handler)`,
  `histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))`,
  `histogram_quantile(0.5, sum by (le, handler) (rate(http_request_duration_seconds_bucket[10m])))`,
  `histogram_quantile(0.9, rate(http_request_duration_seconds_bucket{handler="/cart"}[5m]))`,
  `sum(rate(http_request_duration_seconds_sum[5m])) by (instance) / sum(rate(http_request_duration_seconds_count[5m])) by (instance)`,
  `(sum(rate(http_request_duration_seconds_bucket{le="0.1"}[5m])) by (job) + sum(rate(http_request_duration_seconds_bucket{le="0.5"}[5m])) by (job)) / 2 / sum(rate(http_request_duration_seconds_count[5m])) by (job)`,
  `increase(http_requests_total{handler="/",code="200"}[1h])`,
  `irate(http_requests_total{method="GET"}[5m])`,
  `idelta(http_requests_in_flight[5m])`,
  `delta(process_resident_memory_bytes[1h])`,
  `sum(increase(http_requests_total[1d])) by (handler)`,
  `sum(rate(http_requests_total[5m])) / sum(rate(http_requests_total[5m] offset 1d))`,
  `http_requests_in_flight offset 1h - http_requests_in_flight`,
  `sum(http_requests_in_flight @ 1772500000)`,
  `rate(http_requests_total{code="200",method="GET"}[10m] @ end())`,
  `max_over_time(rate(http_requests_total{handler="/cart",code="200"}[5m])[1h:2m])`,
  `avg_over_time((sum by (job) (http_requests_in_flight))[30m:3m])`,
  `quantile_over_time(0.95, http_requests_in_flight[1h])`,
  `stddev_over_time(balance_of_payments[1h])`,
  `stdvar_over_time(balance_of_payments[2h])`,
  `sum_over_time(balance_of_payments[1h])`,
  `count_over_time(up[30m])`,
  `last_over_time(process_open_fds[15m])`,
  `present_over_time(up{job="web"}[5m])`,
  `min_over_time(balance_of_payments[3h]) - max_over_time(balance_of_payments[3h])`,
  `changes(http_requests_in_flight[1h])`,
  `resets(http_requests_total{handler="/"}[12h])`,
  `clamp(balance_of_payments, -20, 10)`,
  `clamp_min(clamp_max(http_requests_in_flight, 6), 2)`,
  `abs(balance_of_payments) ^ 0.5 % 3`,
  `sqrt(process_open_fds) - ceil(balance_of_payments) + floor(balance_of_payments) + round(balance_of_payments, 0.1)`,
  `balance_of_payments > bool 0`,
  `-balance_of_payments`,
  `timestamp(up{job="web"})`,
  `time() - process_start_time_seconds`,
  `hour() + minute() / 60 + day_of_week(vector(time())) * 100`,
  `days_in_month() - day_of_month() + month() * 1000 + year()`,
  `vector(1) + 2 ^ 3 % 5`,
  `http_response_size_bytes{quantile="0.9"}`,
  `avg by (quantile) (http_response_size_bytes)`,
  `sum(up) by (job) / count(up) by (job)`,
  `count(up == 1) by (job) or count(up) by (job) * 0`,
  `bottomk(3, rate(http_request_duration_seconds_sum[5m]))`,
  `avg(scrape_duration_seconds) by (job)`,
  `max(scrape_duration_seconds) without (instance) - min(scrape_duration_seconds) without (instance)`,
  `http_requests_total{code="500"} / ignoring(code) group_left http_requests_total{code="200"}`,
  `rate(http_requests_total{code="500"}[5m]) > on (instance, handler, method) rate(http_requests_total{code="404"}[5m])`,
  `balance_of_payments == balance_of_payments and on () vector(1)`,
  `no_such_metric`,
  `scalar(sum(up)) * 2`,
]

const ORDERED: readonly string[] = [
  `sort(sum by (pod) (container_memory_rss))`,
  `sort_desc(node_filesystem_avail_bytes{fstype!="tmpfs"})`,
  `topk(5, rate(node_network_receive_bytes_total{device="eth0"}[5m]))`,
]

/** Functions that few libraries compute to the same last bits. */
const MACHINE_MATH: readonly string[] = [
  `ln(process_resident_memory_bytes)`,
  `log2(process_resident_memory_bytes)`,
  `log10(process_resident_memory_bytes)`,
  `exp(balance_of_payments / 50) * sgn(balance_of_payments)`,
  `sin(balance_of_payments)`,
  `cos(balance_of_payments)`,
  `atan(balance_of_payments) + pi()`,
]

const TIED: readonly string[] = [
  `bottomk(3, rate(http_requests_total[5m]))`,
  `topk(5, rate(node_cpu_seconds_total{mode!="idle"}[5m]))`,
]

function roundsOtherwise(expr: string): string | undefined {
  if (/histogram_quantile\(.*sum/.test(expr)) return SLOPPY_SUM_BELOW
  if (/\bavg/.test(expr)) return AVERAGE
  return /\bsum\b/.test(expr) ? SUMMATION : undefined
}

export const QUERIES: readonly Asked[] = [
  ...[...NODE_PANELS, ...NODE_RULES, ...KUBERNETES, ...WEB].map((expr) => ({
    expr,
    roundsOtherwise: roundsOtherwise(expr),
  })),
  ...ORDERED.map((expr) => ({ expr, ordered: true, roundsOtherwise: roundsOtherwise(expr) })),
  ...MACHINE_MATH.map((expr) => ({ expr, machineMath: MACHINE_LIBRARY })),
  ...TIED.map((expr) => ({ expr, meansOtherwise: TIES })),
]

/** What only an instant query can be. */
export const INSTANT_ONLY: readonly Asked[] = [
  { expr: `http_requests_total{handler="/cart",code="404"}[10m]` },
  { expr: `node_load1[7m] offset 1h` },
  { expr: `rate(node_forks_total[5m])[30m:4m]` },
  { expr: `"a text"` },
  { expr: `{cluster="made", instance="10.0.0.1:9100"}` },
  { expr: `count({__name__=~".+"}) by (__name__)` },
]

/** Those that have no answer at all in the made data: emptiness is compared too. */
export const SILENT: readonly string[] = [`no_such_metric`]
