// Runtime dependencies are exactly those that docs/dependencies.md gives a reason for, at exact versions.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

interface PackageJson {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const { dependencies, devDependencies } = JSON.parse(
  readFileSync('package.json', 'utf8'),
) as PackageJson

it('has a reason for every runtime dependency, and no reason without one', () => {
  const rows = [
    ...readFileSync('docs/dependencies.md', 'utf8').matchAll(/^\| `([^`]+)` \| (.+) \|$/gm),
  ]
  expect(rows.map(([, name]) => name)).toEqual(Object.keys(dependencies).sort())
  expect(rows.filter(([, , reason]) => reason!.length < 20)).toEqual([])
})

it('pins every version exactly', () => {
  const versions = Object.entries({ ...dependencies, ...devDependencies })
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
})
