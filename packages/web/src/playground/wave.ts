const BAR_PX = 3;
const GAP_PX = 2;

/** Draws peaks as bars, those already heard in the accent colour. Without peaks: a still line. Colours come from the style sheet. */
export function drawWave(canvas: HTMLCanvasElement, peaks: readonly number[], heard: number): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio;
  // Setting a canvas's size clears and reallocates it, so only when it has changed.
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (!context || width === 0) return;
  const style = getComputedStyle(canvas);
  const ahead = style.getPropertyValue("--wave-ahead");
  const behind = style.getPropertyValue("--wave-heard");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const bars = Math.floor(width / (BAR_PX + GAP_PX));
  for (let bar = 0; bar < bars; bar++) {
    const peak = loudestBetween(peaks, bar / bars, (bar + 1) / bars);
    const barHeight = Math.max(BAR_PX, peak * (height - 4));
    context.fillStyle = (bar + 0.5) / bars <= heard ? behind : ahead;
    context.beginPath();
    context.roundRect(bar * (BAR_PX + GAP_PX), (height - barHeight) / 2, BAR_PX, barHeight, BAR_PX / 2);
    context.fill();
  }
}

function loudestBetween(peaks: readonly number[], from: number, to: number): number {
  const first = Math.floor(from * peaks.length);
  const last = Math.max(first + 1, Math.floor(to * peaks.length));
  return Math.max(0, ...peaks.slice(first, last));
}
