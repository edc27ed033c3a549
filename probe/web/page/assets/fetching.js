// A page, or a part of one, as the server wrote and escaped it; null when it cannot be had.
// Scripts in it do not run: that is what DOMParser promises.
export async function fetched(path, options = {}) {
  try {
    const response = await fetch(path, options);
    return response.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
  } catch {
    return null;
  }
}
