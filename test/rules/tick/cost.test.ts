import { expect, it } from 'vitest'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { BEGIN, MINUTE, World } from './world.ts'

const RULES = `groups:
- name: one
  rules: [{record: 'load:sum', expr: sum(load)}]
- name: two
  interval: 2m
  rules: [{record: 'load:max', expr: max(load)}, {alert: High, expr: load > 90}]
`

/** The requests of a tick, each once: `get key`, in their order. */
async function requestsOf(world: World, ruler: ReturnType<World['ruler']>): Promise<string[]> {
  const requests: string[] = []
  ruler.fate = (_, what) => {
    if (what.startsWith('before')) requests.push(what.slice(7).replace(/-.*/, '-…'))
  }
  await ruler.tick()
  world.nowMs += MINUTE
  return requests
}

it('a tick makes few requests, and none but two where nothing is due', async () => {
  const world = new World()
  const ruler = world.ruler()
  expect(await requestsOf(world, ruler)).toEqual([
    'get thaw/rule/state.json.gz',
    'list thaw/rule/files/',
  ])
  await world.putData(30)
  await updateBucketIndex(world.bucket, { now: () => world.nowMs })
  world.nowMs = BEGIN - MINUTE
  await world.putFile('a.yaml', RULES)
  world.nowMs = BEGIN + MINUTE
  await requestsOf(world, ruler)
  await requestsOf(world, ruler)
  await requestsOf(world, ruler)
  expect(await requestsOf(world, ruler)).toMatchInlineSnapshot(`
    [
      "get thaw/rule/state.json.gz",
      "list thaw/rule/files/",
      "put thaw/rule/state.json.gz",
      "get thaw/bucket-…",
      "list thaw/fresh/",
      "get thaw/fresh/2026-…",
      "put thaw/rule/state.json.gz",
      "put thaw/fresh/2026-…",
      "put thaw/rule/state.json.gz",
    ]
  `)
  world.nowMs -= MINUTE - 1000
  expect(await requestsOf(world, ruler)).toEqual([
    'get thaw/rule/state.json.gz',
    'list thaw/rule/files/',
  ])
})
