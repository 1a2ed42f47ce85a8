/** Why system calls cannot be made here, or undefined where they can. The rest of this folder needs them to be loaded. */
export async function whyNoSystemCalls(): Promise<string | undefined> {
  if (process.platform !== 'linux')
    return `this version of cowspace works on Linux only, not on ${process.platform}`;
  try {
    await import('koffi');
    return undefined;
  } catch {
    return (
      `this package has no native part for ${process.platform} on ${process.arch}: ` +
      'install the package that was made for this platform'
    );
  }
}
