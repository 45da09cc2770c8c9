import { type PreparedImage, prepareImage } from '../../src/sandbox/image/archive.ts'
import { type Architecture, architecture } from '../../src/sandbox/paths.ts'

/**
 * An image with nothing in it but a note, which says by its labels what an execution image says: the shim starts in any image, so
 * this is enough where no tool is run. Building every real image takes minutes, which tests must not.
 */
export const tinyImage = (
  tag: string,
  options: { readonly arch?: Architecture; readonly kubectl?: string; readonly helm?: string; readonly note?: string } = {},
): Promise<PreparedImage> => {
  const { arch = architecture(), kubectl = '1.36.3', helm = '4.3.1', note = 'for a test' } = options
  return prepareImage({
    tag,
    arch,
    config: { Env: [], Cmd: ['/bin/sh'], User: '65532:65532', WorkingDir: '/' },
    labels: { 'telpher.kubectl': kubectl, 'telpher.helm': helm },
    layers: [[{ kind: 'text', name: 'note', mode: 0o644, text: note }]],
  })
}
