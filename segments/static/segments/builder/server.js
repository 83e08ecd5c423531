// The questions that the builder asks the server; an answer that is none throws.

async function answer(response) {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return response.json();
}

export async function ask(address, params, signal) {
  return answer(await fetch(`${address}?${new URLSearchParams(params)}`, { signal, redirect: "error" }));
}

export async function post(address, params, signal) {
  return answer(await fetch(address, { method: "POST", body: new URLSearchParams(params), signal, redirect: "error" }));
}
