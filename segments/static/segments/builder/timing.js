// When to ask the server, who may still be answering the question before.

/** Call it once it has not been asked for so many milliseconds. */
export function debounced(call, milliseconds) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, milliseconds);
  };
}

/** Call it with a signal that aborts when it is called again: only the latest answer counts. */
export function latest(call) {
  let controller;
  return async () => {
    controller?.abort();
    controller = new AbortController();
    const { signal } = controller;
    try {
      await call(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
}
