/** Endpoints of a command, where it is given some: gRPC is loaded only then. */
import type { Registry } from 'prom-client'
import type { EndpointSet } from '#lib/endpoints/endpoint-set.ts'
import type { EndpointSettings } from '#lib/endpoints/open-endpoints.ts'

export interface CliEndpointsParts {
  readonly now: () => number
  readonly log: (message: string) => void
  /** Gets what is counted of them. */
  readonly registry?: Registry | undefined
}

export async function openCliEndpoints(
  settings: EndpointSettings | undefined,
  { registry, ...parts }: CliEndpointsParts,
): Promise<EndpointSet | undefined> {
  if (!settings) return undefined
  const { openEndpoints } = await import('#lib/endpoints/open-endpoints.ts')
  const endpoints = openEndpoints(settings, parts)
  if (registry) {
    const { registerEndpointMetrics } = await import('#lib/endpoints/endpoint-metrics.ts')
    registerEndpointMetrics(endpoints, registry)
  }
  return endpoints
}
