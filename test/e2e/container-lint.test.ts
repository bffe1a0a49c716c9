/** The Containerfile as hadolint sees it, and the manifests beside the schemas of Kubernetes. */
import { readdir } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { command } from '#test/peer/cache.ts'
import { findContainerTools } from '#test/peer/container-tools.ts'
import { needPeer } from '#test/peer/skip-report.ts'

/** In place of its command, whose first line names an interpreter that has moved. */
const VALIDATE = `
import sys, yaml, kubernetes_validate
for file in sys.argv[1:]:
    for document in yaml.safe_load_all(open(file)):
        kubernetes_validate.validate(document, '1.37', strict=True)
        print(document['kind'])
`
/** Of the Prometheus Operator: no schema of Kubernetes's own. */
const FOREIGN = new Set(['prometheus-operator.yml'])

describe('containers', () => {
  it('are built by a file that hadolint finds nothing in', async (context) => {
    const { hadolint } = needPeer(context, await findContainerTools())
    expect(await command(hadolint, ['packaging/Containerfile'])).toBe('')
  }, 120_000)

  it('run by manifests that Kubernetes takes, with no field that it does not know', async (context) => {
    const { python } = needPeer(context, await findContainerTools())
    const files = (await readdir('packaging/kubernetes')).filter((file) => !FOREIGN.has(file))
    const paths = files.map((file) => `packaging/kubernetes/${file}`)
    const kinds = (await command(python, ['-c', VALIDATE, ...paths])).trim().split('\n')
    expect(kinds).toEqual(expect.arrayContaining(['StatefulSet', 'Deployment', 'Service']))
  }, 120_000)
})
