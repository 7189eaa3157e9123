// Reads codes with the camera: by the browser's own detector where it has one, else by the decoder that is shipped.

const EVERY_MS = 120;
/** The same code in front of the camera is read once. */
const SAME_MS = 2500;
/** Decoding takes the longer the larger the picture; a code that fills a third of it is read well at this size. */
const SIDE = 720;
const FORMATS = ["qr_code", "data_matrix", "code_128"];

async function reader() {
  if ("BarcodeDetector" in window) {
    const formats = (await BarcodeDetector.getSupportedFormats()).filter((name) => FORMATS.includes(name));
    if (formats.includes("qr_code")) {
      const detector = new BarcodeDetector({ formats });
      return async (video) => (await detector.detect(video)).map((one) => one.rawValue);
    }
  }
  const { default: decode } = await import("./vendor/qr/decode.js");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return (video) => {
    const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    try {
      return [decode(context.getImageData(0, 0, canvas.width, canvas.height))];
    } catch {
      return []; // no code in this picture
    }
  };
}

/** Shows the camera in `video` and calls `found` with each code. `start` raises what the browser says (NotAllowedError, …). */
export class Camera {
  constructor(video, found) {
    this.video = video;
    this.found = found;
    this.stream = null;
    this.read = null;
    this.turn = 0;
    this.last = { text: "", at: 0 };
  }

  async start() {
    const turn = (this.turn += 1);
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    this.read ??= await reader();
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
    if (turn !== this.turn) {
      stream.getTracks().forEach((track) => track.stop());
      return;
    }
    this.stream = stream;
    this.video.srcObject = stream;
    await this.video.play();
    this.look(turn);
  }

  async look(turn) {
    if (turn !== this.turn) return;
    if (this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && this.video.videoWidth) {
      const texts = await this.tried();
      if (turn !== this.turn) return;
      for (const text of texts) this.meet(text.trim());
    }
    setTimeout(() => this.look(turn), EVERY_MS);
  }

  async tried() {
    try {
      return await this.read(this.video);
    } catch {
      return []; // a picture that cannot be read now; the next one comes at once
    }
  }

  meet(text) {
    const now = Date.now();
    const same = text === this.last.text && now - this.last.at < SAME_MS;
    this.last = { text, at: now };
    if (text && !same) this.found(text);
  }

  stop() {
    this.turn += 1;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    this.last = { text: "", at: 0 };
  }

  /** The lamp, where the camera has one: a store is dark. */
  get lamp() {
    const track = this.stream?.getVideoTracks()[0];
    return track?.getCapabilities?.().torch ? track : null;
  }
}
