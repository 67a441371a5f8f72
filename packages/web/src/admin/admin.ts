export function admin() { return { show() {}, hide() {} }; }
