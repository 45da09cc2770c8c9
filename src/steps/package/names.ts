import { TelpherError } from '../../model/errors.ts'

/** Linux takes 255 bytes for a name (limits.h: NAME_MAX) and 4096 for a path; ours are put into a folder and may get an ending. */
const most = { pathBytes: 1024, nameBytes: 240, depth: 32 } as const

export const refused = (why: string, name?: string): TelpherError =>
  new TelpherError(
    'package_refused',
    name === undefined ? why : `${JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)}: ${why}`,
    name === undefined ? {} : { field: name.slice(0, 200) },
  )

/** Spaces, newlines and tabs are names that people have; the rest moves cursors, and NUL ends names. */
const control = /[\x00-\x08\x0b-\x1f\x7f]/

/** Backslashes and drives mean other places elsewhere, and what is no UTF-8 has become U+FFFD. */
const findingOf = (path: string): string | undefined => {
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path) || path.includes('\\')) return 'paths must be relative'
  const names = path.split('/')
  if (names.includes('..')) return 'it lies outside the package'
  if (names.includes('') || names.includes('.')) return 'it is not the plain path of a file'
  if (control.test(path) || path.includes('\ufffd')) return 'it has characters that no file name should have'
  if (Buffer.byteLength(path) > most.pathBytes || names.some((name) => Buffer.byteLength(name) > most.nameBytes))
    return `a path may have ${most.pathBytes} bytes, and a name in it ${most.nameBytes}`
  return names.length > most.depth ? `a file may lie ${most.depth} folders deep` : undefined
}

/**
 * A path of an archive as it is used.
 * @returns it without `./` before and `/` behind; empty for the folder of the package itself
 * @throws TelpherError package_refused
 */
export const pathOf = (written: string, isFolder: boolean): string => {
  const inside = written.replace(/^(?:\.\/)+/, '')
  const path = isFolder ? inside.replace(/\/+$/, '') : inside
  if (isFolder && (path === '' || path === '.') && !written.startsWith('/')) return ''
  const finding = findingOf(path)
  if (finding !== undefined) throw refused(finding, written)
  return path
}

/** What file systems that fold case and normal forms take for the same name. */
const folded = (path: string): string => path.normalize('NFD').toUpperCase().normalize('NFD')

/** Keeps the paths of one package apart. */
export interface Places {
  /** @throws TelpherError package_refused for a second file of a name, a file that is a folder, and names that differ by case only */
  take(path: string, kind: 'file' | 'folder'): void
}

export const createPlaces = (): Places => {
  const known = new Map<string, { readonly path: string; readonly kind: 'file' | 'folder' }>()
  const takeOne = (path: string, kind: 'file' | 'folder', whole: string): void => {
    const key = folded(path)
    const twin = known.get(key)
    if (twin === undefined) known.set(key, { path, kind })
    else if (twin.path !== path) throw refused(`it differs from ${JSON.stringify(twin.path)} by case or accents only`, whole)
    else if (twin.kind !== kind) throw refused(`${JSON.stringify(path)} is a file and a folder`, whole)
    else if (kind === 'file') throw refused('it is there twice', whole)
  }
  return {
    take(path, kind) {
      const names = path.split('/')
      for (let depth = 1; depth < names.length; depth++) takeOne(names.slice(0, depth).join('/'), 'folder', path)
      if (path !== '') takeOne(path, kind, path)
    },
  }
}
