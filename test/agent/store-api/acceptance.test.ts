/** The agent's StoreAPI passes what every StoreAPI must. */
import { beforeEach, expect, it } from 'vitest'
import { labels, columns } from '#test/store/sample-block.ts'
import {
  ACCEPTANCE_SERIES,
  EXTERNAL_LABELS,
  storeApiAcceptance,
} from '#test/store-api/acceptance.ts'
import { storeOver, type TestStore } from '#test/store-api/fixture.ts'
import { servicesOver } from './client.ts'
import { type Fake, fakePrometheus } from './fake-prometheus.ts'

const SERIES = ACCEPTANCE_SERIES.map(({ labels: own, timesMs }) => ({
  labels: labels(own),
  samples: columns(timesMs.map((t) => [t, t])),
}))

let fakes: readonly Fake[] = []
let store: TestStore

beforeEach(async () => {
  fakes = await Promise.all(EXTERNAL_LABELS.map((external) => fakePrometheus(external, SERIES)))
  store = storeOver(servicesOver(fakes.map(({ unit }) => unit)))
})

storeApiAcceptance(() => store, { needsOwnMatcher: true })

it('asks each Prometheus whose labels match, and no other', async () => {
  const matchers = [
    { type: '=' as const, name: 'replica', value: 'b' },
    { type: '=' as const, name: '__name__', value: 'up' },
  ]
  expect((await store.series({ matchers })).labels).toHaveLength(3)
  expect(fakes.map(({ reads }) => reads.length)).toEqual([0, 1])
})
