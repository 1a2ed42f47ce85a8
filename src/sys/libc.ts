import koffi from 'koffi';

/**
 * The C library, bound once. Every function returns what the kernel would: a result, or a negative error number.
 * Pointers are Buffers. Only this folder knows koffi.
 */
type Call = (...args: unknown[]) => number;

/** Longest path that Linux takes, with its closing NUL (`PATH_MAX`). */
export const PATH_MAX = 4096;

const library = koffi.load(null);

/** Binds a function that reports failure by -1 and errno. */
export function bind(name: string, result: string, args: string[]): Call {
  const raw = library.func(name, result, args) as unknown as Call;
  return (...values) => {
    const value = raw(...values);
    return value === -1 ? -koffi.errno() : value;
  };
}

/** Binds a function as {@link bind} does, or returns undefined where the C library lacks it. */
export function bindOptional(name: string, result: string, args: string[]): Call | undefined {
  try {
    return bind(name, result, args);
  } catch {
    return undefined;
  }
}

/** Binds a function that may block for long: it runs on a thread of the pool. Pointers must stay as they are until then. */
export function bindAsync(
  name: string,
  result: string,
  args: string[],
): (...args: unknown[]) => Promise<number> {
  const raw = library.func(name, result, args);
  return (...values) =>
    new Promise((resolve, reject) => {
      raw.async(...values, (error: Error | null, value: number) => {
        if (error) reject(error);
        else resolve(value === -1 ? -koffi.errno() : value);
      });
    });
}

/** The address of a buffer's first byte, for structures that hold pointers. The buffer must outlive the call. */
export function addressOf(buffer: Buffer): bigint {
  return koffi.address(buffer);
}

const first = Buffer.allocUnsafeSlow(PATH_MAX * 2);
const second = Buffer.allocUnsafeSlow(PATH_MAX * 2);

function terminated(into: Buffer, name: string): Buffer {
  const length = into.write(name, 0, into.length - 1, 'latin1');
  into[length] = 0;
  return into;
}

/** A byte string as a C string, valid until the next call of this function. */
export function cString(name: string): Buffer {
  return terminated(first, name);
}

/** A second C string, for calls that take two. */
export function cString2(name: string): Buffer {
  return terminated(second, name);
}
