// One small JPEG of a live camera: what others see when the network carries no video. At most 60 kB (signaling.md).
const MAX_BASE64 = 60_000
const WIDTH = 320

export async function captureStill(track: MediaStreamTrack): Promise<string | null> {
  const video = document.createElement('video')
  video.muted = true
  video.srcObject = new MediaStream([track])
  try {
    await video.play()
    if (!video.videoWidth) return null
    const canvas = document.createElement('canvas')
    canvas.width = WIDTH
    canvas.height = Math.round((WIDTH * video.videoHeight) / video.videoWidth)
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height)
    for (const quality of [0.7, 0.5, 0.3]) {
      const text = canvas.toDataURL('image/jpeg', quality).split(',')[1] ?? ''
      if (text.length <= MAX_BASE64) return text
    }
    return null
  } catch {
    return null
  } finally {
    video.srcObject = null
  }
}
