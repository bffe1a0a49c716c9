/** Who lives in a cluster: nodes, pods with their life times, and the targets Prometheus scrapes. */
import { generationsWithin, type Process, rollout, type Span } from './events.ts'
import { hashPair, hashText, nameSuffix } from './noise.ts'
import type { Target } from './series.ts'

export const NODE_COUNT = 3

export const ALWAYS: Span = { startMs: 0, endMs: Number.MAX_SAFE_INTEGER }

export interface Workload {
  readonly name: string
  readonly namespace: string
  readonly image: string
  readonly pods: number
  readonly kind: 'Deployment' | 'DaemonSet' | 'StatefulSet'
  readonly cpu: number
  readonly memoryMb: number
}

export interface Pod {
  readonly name: string
  readonly workload: Workload
  readonly node: number
  readonly ip: string
  readonly life: Span
  readonly process: Process
}

export const WEB: Workload = {
  name: 'web',
  namespace: 'shop',
  image: 'registry.example/shop/web',
  pods: 4,
  kind: 'Deployment',
  cpu: 0.5,
  memoryMb: 256,
}

const WORKLOADS: readonly Workload[] = [
  WEB,
  workload('orders', 'shop', 'Deployment', 2, 0.25, 192),
  workload('postgres', 'shop', 'StatefulSet', 1, 1, 1024),
  workload('coredns', 'kube-system', 'Deployment', 2, 0.1, 70),
  workload('node-exporter', 'monitoring', 'DaemonSet', NODE_COUNT, 0.1, 64),
  workload('kube-state-metrics', 'monitoring', 'Deployment', 1, 0.1, 128),
  workload('prometheus', 'monitoring', 'StatefulSet', 2, 0.5, 768),
]

function workload(
  name: string,
  namespace: string,
  kind: Workload['kind'],
  pods: number,
  cpu: number,
  memoryMb: number,
): Workload {
  return { name, namespace, kind, pods, cpu, memoryMb, image: `registry.example/${name}` }
}

export function nodeName(cluster: string, node: number): string {
  return `${cluster}-node-${node}`
}

export function workloads(): readonly Workload[] {
  return WORKLOADS
}

/** Pods that live at some time of [startMs, endMs). */
export function podsWithin(cluster: string, startMs: number, endMs: number): Pod[] {
  const pods: Pod[] = []
  for (const workload of WORKLOADS) {
    if (workload !== WEB) {
      addPods(pods, cluster, workload, 0, ALWAYS)
      continue
    }
    for (const generation of generationsWithin(cluster, startMs, endMs)) {
      addPods(pods, cluster, workload, generation, rollout(cluster, generation))
    }
  }
  return pods
}

function addPods(
  pods: Pod[],
  cluster: string,
  workload: Workload,
  generation: number,
  life: Span,
): void {
  for (let i = 0; i < workload.pods; i++) {
    const seed = hashText(`pod ${cluster} ${workload.name} ${i}`)
    const node = workload.kind === 'DaemonSet' ? i : (i + hashText(workload.name)) % NODE_COUNT
    const own = hashPair(seed, generation)
    // A number of its own for each pod of a workload and generation, so that no two share an address.
    const host = 10 + ((((generation % 16) + 16) % 16) * 8 + i)
    pods.push({
      name: podName(cluster, workload, i, generation),
      workload,
      node,
      ip: `10.${cluster.length}.${(hashText(workload.name) % 200) + 10}.${host}`,
      life,
      process: {
        cluster,
        node,
        seed: own,
        bornMs: life.startMs,
        crashEveryMs: workload === WEB ? 3 * 86_400_000 : i === 0 ? 25 * 86_400_000 : 0,
      },
    })
  }
}

function podName(cluster: string, workload: Workload, i: number, generation: number): string {
  const { name, kind } = workload
  const seed = hashText(`name ${cluster} ${name}`)
  switch (kind) {
    case 'StatefulSet':
      return `${name}-${i}`
    case 'DaemonSet':
      return `${name}-${nameSuffix(seed + i, generation, 5)}`
    case 'Deployment':
      return `${name}-${nameSuffix(seed, generation, 9)}-${nameSuffix(seed + 100 * (i + 1), generation, 5)}`
    default:
      return kind satisfies never
  }
}

export interface Targets {
  readonly nodes: readonly Target[]
  readonly kubelets: readonly Target[]
  readonly kubeState: Target
  readonly web: ReadonlyMap<Pod, Target>
}

export function targetsOf(cluster: string, pods: readonly Pod[]): Targets {
  const ofNode = (job: string, port: number): Target[] =>
    Array.from({ length: NODE_COUNT }, (_, node) => ({
      job,
      instance: `${nodeName(cluster, node)}:${port}`,
      node,
      life: ALWAYS,
      labels: {},
    }))
  const kubeStatePod = pods.find(({ workload }) => workload.name === 'kube-state-metrics')!
  return {
    nodes: ofNode('node', 9100),
    kubelets: ofNode('kubelet', 10250),
    kubeState: {
      job: 'kube-state-metrics',
      instance: `${kubeStatePod.ip}:8080`,
      // Whatever node it runs on: it is moved when that fails, and goes on telling of it.
      node: undefined,
      life: ALWAYS,
      labels: {},
    },
    web: new Map(
      pods
        .filter(({ workload }) => workload === WEB)
        .map((pod) => [
          pod,
          {
            job: 'web',
            instance: `${pod.ip}:8080`,
            node: pod.node,
            life: pod.life,
            labels: { namespace: pod.workload.namespace, pod: pod.name },
          },
        ]),
    ),
  }
}
