/** Inode numbers of other devices than the first base's get the device's index in these high bits. */
const DEVICE_SHIFT = 2 ** 48;
const MAX_DEVICES = 32;

/**
 * Inode numbers as users see them: unique over all layers, and the first base's own as they are, so that tools which
 * remember them (git's index) find nothing changed.
 */
export class InodeNumbers {
  readonly #layers: readonly number[];
  /** Devices in the order of their indices. */
  readonly #devices: number[] = [];

  /** @param devices of the layers' roots, the scratch's first */
  constructor(devices: readonly number[]) {
    this.#layers = devices;
    const [scratch, ...bases] = devices;
    for (const device of [...bases, scratch!]) this.#indexOf(device);
  }

  /** The number of an inode. */
  of(device: number, ino: number): number {
    const index = this.#indexOf(device);
    return index === 0 ? ino : (ino % DEVICE_SHIFT) + (index % MAX_DEVICES) * DEVICE_SHIFT;
  }

  /** The device that a layer's root lies on. */
  device(layer: number): number {
    return this.#layers[layer] ?? 0;
  }

  #indexOf(device: number): number {
    const index = this.#devices.indexOf(device);
    return index < 0 ? this.#devices.push(device) - 1 : index;
  }
}
