import { TelpherError } from './errors.ts'

/** An execution image that Telpher knows how to build, by the tools in it. */
export interface ExecImage {
  /** Such as `k1.34-h4`: kubectl's minor version and helm's major one. */
  readonly name: string
  readonly kubectl: string
  readonly helm: string
  /** Minor version of Kubernetes that this helm is compiled against. */
  readonly helmMinor: number
}

/**
 * The images, the default one first. kubectl is supported within one minor version of the API server, so every other minor
 * is enough (kubernetes.io/releases/version-skew-policy); helm supports the Kubernetes that it is compiled against and three
 * minors before it (helm.sh/docs/topics/version_skew): each image has the newest helm that covers kubectl's window.
 */
export const execImages: readonly [ExecImage, ...ExecImage[]] = [
  { name: 'k1.34-h4', kubectl: '1.34.4', helm: '4.2.4', helmMinor: 36 },
  { name: 'k1.34-h3', kubectl: '1.34.4', helm: '3.21.4', helmMinor: 36 },
  { name: 'k1.36-h4', kubectl: '1.36.3', helm: '4.3.1', helmMinor: 37 },
  { name: 'k1.36-h3', kubectl: '1.36.3', helm: '3.22.0', helmMinor: 37 },
]

/** The major versions of helm that a step may ask for. */
export const helmMajors = [3, 4] as const
export type HelmMajor = (typeof helmMajors)[number]
export const defaultHelm: HelmMajor = 4

/** What is done about a server that no image is made for. */
export const skewPolicies = ['warn', 'refuse'] as const
export type SkewPolicy = (typeof skewPolicies)[number]

const repository = 'telpher/exec'

/** What is done about an image that is not pinned to ids. */
export const unpinnedPolicies = ['run', 'refuse'] as const
export type UnpinnedPolicy = (typeof unpinnedPolicies)[number]

/** Labels by which an image says what is in it. */
export const imageLabels = { name: 'telpher.image', kubectl: 'telpher.kubectl', helm: 'telpher.helm' } as const

/** The image's name for an engine, such as `telpher/exec:k1.34-h4`. */
export const imageTag = ({ name }: Pick<ExecImage, 'name'>): string => `${repository}:${name}`

/** The image that the sandbox builds, and that a worker keeps warm. */
export const defaultImage: string = imageTag(execImages[0])

/** @param name with or without the repository @returns undefined for an image that is not ours */
export const findImage = (name: string): ExecImage | undefined =>
  execImages.find((image) => image.name === name || imageTag(image) === name)

export interface ServerVersion {
  readonly major: number
  readonly minor: number
}

/**
 * Reads what an API server says of its version, without what its vendor added.
 * @param text such as `v1.33.4-gke.100`, `v1.34.2+k3s1`, `v1.32.9-eks-3025e55`, `v1.36.0-rc.1`
 * @returns undefined when it is no version
 */
export const readVersion = (text: string): ServerVersion | undefined => {
  const found = /^v?(\d{1,4})\.(\d{1,4})(?![\d])(?:[.+-].*)?$/s.exec(text.trim())
  return found === null ? undefined : { major: Number(found[1]), minor: Number(found[2]) }
}

const minorOf = (version: string): number => readVersion(version)?.minor ?? 0
const majorOf = (version: string): number => readVersion(version)?.major ?? 0
/** kubectl and the API server may be so many minor versions apart. */
const kubectlSkew = 1
/** Helm supports so many minor versions before the one that it is compiled against. */
const helmSkew = 3

/** The minor versions of Kubernetes that everything in an image supports. */
export const coveredMinors = ({
  kubectl,
  helmMinor,
}: Pick<ExecImage, 'kubectl' | 'helmMinor'>): { readonly from: number; readonly to: number } => ({
  from: Math.max(minorOf(kubectl) - kubectlSkew, helmMinor - helmSkew),
  to: Math.min(minorOf(kubectl) + kubectlSkew, helmMinor),
})

const covers = (image: ExecImage, minor: number): boolean => {
  const { from, to } = coveredMinors(image)
  return minor >= from && minor <= to
}

const distance = (image: ExecImage, minor: number): number => Math.abs(minorOf(image.kubectl) - minor)

/** What may go wrong with this kubectl, in words for a person; undefined within its window. */
export const skewWarning = (kubectl: string, serverVersion: string | undefined): string | undefined => {
  const server = serverVersion === undefined ? undefined : readVersion(serverVersion)
  const client = `kubectl 1.${minorOf(kubectl)}`
  if (server === undefined || server.major !== 1) {
    const said =
      serverVersion === undefined ? 'does not say its version' : `says the version "${serverVersion.slice(0, 64)}", which cannot be read`
    return `the server ${said}: ${client} is used, which may not know its API versions and fields`
  }
  const apart = server.minor - minorOf(kubectl)
  if (Math.abs(apart) <= kubectlSkew) return undefined
  const window = `it is made for 1.${minorOf(kubectl) - kubectlSkew} to 1.${minorOf(kubectl) + kubectlSkew}`
  return apart < 0
    ? `${client} is ${-apart} minor versions newer than the server (${serverVersion}), ${window}: what it asks for may be unknown to the server, so that objects are refused or lose fields`
    : `${client} is ${apart} minor versions older than the server (${serverVersion}), ${window}: it may ask for API versions that the server has removed, and does not know newer ones`
}

export interface ImageChoice {
  /** What the step may run in, best first: every one of them covers the server, or it is the nearest there is. */
  readonly tags: readonly string[]
  /** The first of them. */
  readonly best: ExecImage
  /** What may break, when none is made for the server. */
  readonly warning?: string
}

/**
 * The image for a server: the one whose window has it, the default one where several do.
 * @param serverVersion as the server says it; undefined when it says none
 * @param helm major version of helm that the step needs
 */
export const chooseImage = (serverVersion: string | undefined, helm: HelmMajor = defaultHelm): ImageChoice => {
  const candidates = execImages.filter((image) => majorOf(image.helm) === helm)
  const [first = execImages[0]] = candidates
  const server = serverVersion === undefined ? undefined : readVersion(serverVersion)
  if (server?.major !== 1) return { ...listed(first), ...warned(skewWarning(first.kubectl, serverVersion)) }
  const [best, ...others] = candidates.filter((image) => covers(image, server.minor))
  if (best !== undefined) return listed(best, ...others)
  const nearest = candidates.reduce((near, image) => (distance(image, server.minor) < distance(near, server.minor) ? image : near), first)
  return { ...listed(nearest), ...warned(skewWarning(nearest.kubectl, serverVersion)) }
}

const listed = (best: ExecImage, ...others: readonly ExecImage[]): Pick<ImageChoice, 'best' | 'tags'> => ({
  best,
  tags: [best, ...others].map(imageTag),
})

const warned = (warning: string | undefined): { readonly warning?: string } => (warning === undefined ? {} : { warning })

/**
 * Where images without a pin are refused, the pins are the list of what may run, each by its id.
 * @throws TelpherError image_unpinned
 */
export const mustHavePin = (image: string, pins: ImagePins, unpinned: UnpinnedPolicy): void => {
  if (unpinned === 'refuse' && pins[image] === undefined)
    throw new TelpherError('image_unpinned', `the image ${image} has no pin, and this worker starts none without`)
}

/** How an image that is not on a worker's host gets there, as a sentence for a person. */
export const howToGet = (image: string): string => {
  const known = findImage(image)
  return known === undefined
    ? `pull it there: docker pull ${image}`
    : `run there: telpher image build ${known.name}, or load it from a file: telpher image load FILE`
}

/** An image as an engine has it. */
export interface ImageFacts {
  /** The engine's id: the SHA-256 of the image's configuration. */
  readonly id: string
  /** Versions by the image's labels: absent in one that has none. */
  readonly kubectl?: string
  readonly helm?: string
}

/** @param id as the engine has it @param labels those of the image, or of a container made of it */
export const imageFacts = (id: string, labels: Readonly<Record<string, string>>): ImageFacts => {
  const { [imageLabels.kubectl]: kubectl, [imageLabels.helm]: helm } = labels
  const version = (text: string | undefined): string | undefined =>
    text !== undefined && readVersion(text) !== undefined ? text.slice(0, 64) : undefined
  const [client, charts] = [version(kubectl), version(helm)]
  return { id, ...(client === undefined ? {} : { kubectl: client }), ...(charts === undefined ? {} : { helm: charts }) }
}

/** What a step ran with. */
export interface ToolsUsed {
  readonly image: string
  readonly imageId?: string
  readonly kubectl?: string
  readonly helm?: string
  /** The API server's version. */
  readonly server?: string
}

/** An id as people compare them: its first 12 digits. */
export const shortImageId = (id: string): string => id.replace('sha256:', '').slice(0, 12)

/** The form of an image id. */
export const imageIdPattern: RegExp = /^sha256:[0-9a-f]{64}$/

/** Image ids that workers may start, by image name as engines have it; an image that is not named is not pinned. */
export type ImagePins = Readonly<Record<string, readonly string[]>>
