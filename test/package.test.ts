// Runtime dependencies are exactly those that docs/dependencies.md gives a reason for, at exact versions.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

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

interface Locked {
  readonly dev?: boolean
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly deprecated?: string
  readonly license?: string
}

describe('what is installed with thaw', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Readonly<Record<string, Locked>>
  }
  const installed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev)
  const namesOf = (is: (locked: Locked) => boolean): string[] =>
    installed
      .filter(([, locked]) => is(locked))
      .map(([path]) => path.replace(/^.*node_modules\//, ''))

  it('is what was locked: each package has the hash of its contents', () => {
    expect(installed.length).toBeGreaterThan(50)
    expect(namesOf(({ integrity }) => !integrity?.startsWith('sha512-'))).toEqual([])
  })

  it('runs nothing when it is installed, but for a script that only looks at versions', () => {
    expect(namesOf(({ hasInstallScript }) => hasInstallScript === true)).toEqual(['protobufjs'])
  })

  it('is kept up by somebody, and free to use', () => {
    expect(namesOf(({ deprecated }) => deprecated !== undefined)).toEqual([])
    const free = new Set([
      '0BSD',
      'Apache-2.0',
      'BSD-2-Clause',
      'BSD-3-Clause',
      'BlueOak-1.0.0',
      'ISC',
      'MIT',
    ])
    expect(namesOf(({ license }) => !free.has(license ?? ''))).toEqual([])
  })
})
