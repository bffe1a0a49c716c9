/** What kube-state-metrics and the kubelets say of pods, deployments and nodes. */
import { counter, gauge } from './curve.ts'
import { nodeName, NODE_COUNT, type Pod, WEB, workloads } from './pods.ts'
import type { SeriesSink } from './series-sink.ts'

const PHASES = ['Failed', 'Pending', 'Running', 'Succeeded', 'Unknown']
const CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure']
const MB = 1_000_000

export function podState(sink: SeriesSink, cluster: string, pod: Pod): void {
  const { life, name, workload, ip, process } = pod
  const { namespace, cpu, memoryMb, kind } = workload
  const labels = { namespace, pod: name }
  const container = { ...labels, container: workload.name }
  const node = nodeName(cluster, pod.node)
  const info = {
    ...labels,
    node,
    pod_ip: ip,
    created_by_kind: kind === 'Deployment' ? 'ReplicaSet' : kind,
    created_by_name: kind === 'Deployment' ? name.slice(0, name.lastIndexOf('-')) : workload.name,
  }
  sink.constant('kube_pod_info', info, 1, life)
  for (const phase of PHASES) {
    sink.constant('kube_pod_status_phase', { ...labels, phase }, phase === 'Running' ? 1 : 0, life)
  }
  sink.add(
    'kube_pod_container_status_restarts_total',
    container,
    { type: 'restarts', process },
    life,
  )
  for (const [metric, factor] of [
    ['kube_pod_container_resource_requests', 1],
    ['kube_pod_container_resource_limits', 2],
  ] as const) {
    const ofCpu = { ...container, node, resource: 'cpu', unit: 'core' }
    const ofMemory = { ...container, node, resource: 'memory', unit: 'byte' }
    sink.constant(metric, ofCpu, cpu * factor, life)
    sink.constant(metric, ofMemory, memoryMb * MB * factor, life)
  }
}

export function clusterState(sink: SeriesSink, cluster: string): void {
  for (const { name, namespace, kind, pods } of workloads()) {
    if (kind !== 'Deployment') continue
    const labels = { deployment: name, namespace }
    sink.constant('kube_deployment_spec_replicas', labels, pods)
    sink.constant('kube_deployment_status_replicas', labels, pods)
  }
  for (let node = 0; node < NODE_COUNT; node++) {
    for (const condition of CONDITIONS) {
      for (const status of ['true', 'false', 'unknown']) {
        const labels = { condition, node: nodeName(cluster, node), status }
        const well = status === (condition === 'Ready' ? 'true' : 'false') ? 1 : 0
        const lost = status === 'unknown' ? 1 : 0
        sink.add('kube_node_status_condition', labels, {
          type: 'by-node',
          cluster,
          node,
          up: well,
          down: lost,
        })
      }
    }
  }
}

export function containerMetrics(sink: SeriesSink, pod: Pod): void {
  const { life, name, process, workload } = pod
  const { cpu, memoryMb, namespace, image } = workload
  const { seed } = process
  const labels = { container: workload.name, image: `${image}:v1`, namespace, pod: name }
  const busy = counter({
    perSecond: cpu * 0.4,
    seed,
    stepsPerUnit: 1000,
    failurePerSecond: workload === WEB ? cpu * 0.3 : 0,
  })
  const cpuShape = { type: 'counter', curve: busy, process } as const
  sink.add('container_cpu_usage_seconds_total', labels, cpuShape, life)
  const memory = gauge({
    level: memoryMb * MB * 0.6,
    daily: memoryMb * MB * 0.1,
    noise: memoryMb * MB * 0.08,
    seed,
    stepsPerUnit: 1 / 4096,
  })
  sink.add('container_memory_working_set_bytes', labels, { type: 'gauge', curve: memory }, life)
}
