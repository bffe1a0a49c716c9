/** Names for what belongs to one use by one process, `<pid>-<n>`, so that others know when it is left over. */

const inUse = new Set<string>()
let uses = 0

export function claimName(): string {
  const name = `${process.pid}-${++uses}`
  inUse.add(name)
  return name
}

export function releaseName(name: string): void {
  inUse.delete(name)
}

/** Whether nobody uses it: its process is gone, or it is of an earlier process with our pid, or no such name at all. */
export function isAbandoned(name: string): boolean {
  const pid = Number(/^(\d+)-\d+$/.exec(name)?.[1] ?? 0)
  if (pid === process.pid) return !inUse.has(name)
  return pid === 0 || !isRunning(pid)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
