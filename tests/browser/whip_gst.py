"""A second, independent WebRTC client for tests/browser/whip.mjs: GStreamer's webrtcbin as a WHIP encoder or a WHEP player.

usage: whip_gst.py publish|watch URL TOKEN vp8|h264
Prints one JSON object a line: {"status": 201, "location": ..}, {"patch": 204}, {"state": "connected"}, and every half second of a watcher
{"frames": n, "width": w, "peak_db": x}. Ends by DELETE when its standard input closes: {"deleted": 200}.
"""
import json, ssl, sys, threading, urllib.error, urllib.parse, urllib.request
import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstSdp', '1.0')
gi.require_version('GstWebRTC', '1.0')
from gi.repository import GLib, Gst, GstSdp, GstWebRTC

VIDEO = {
    'vp8': 'vp8enc deadline=1 cpu-used=8 target-bitrate=400000 keyframe-max-dist=60 ! rtpvp8pay picture-id-mode=2 pt=96',
    'h264': 'openh264enc bitrate=400000 gop-size=60 complexity=low ! h264parse config-interval=-1 ! rtph264pay config-interval=-1 aggregate-mode=zero-latency pt=102',
}
CAPS = {
    'vp8': 'application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload=96',
    'h264': 'application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=102,packetization-mode=(string)1,profile-level-id=(string)42e01f',
    'opus': 'application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,payload=111',
}
BIN = 'webrtcbin name=w bundle-policy=max-bundle latency=60'
PUBLISH = BIN + """
  videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! videoconvert ! queue ! {} ! w.
  audiotestsrc is-live=true wave=sine freq=440 volume=0.5 ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=111 ! queue ! w."""


speaking = threading.Lock()  # GStreamer's threads speak too, and print() writes a line and its end apart


def say(**what):
    with speaking:
        print(json.dumps(what), flush=True)


class Client:
    def __init__(self, role, url, token, codec):
        self.role, self.url, self.token = role, url, token
        self.location = self.etag = self.local = None
        self.frames = self.width = 0
        self.peak_db = -200.0
        self.candidates = []
        self.pipeline = Gst.Pipeline.new()
        self.bin = Gst.parse_bin_from_description(PUBLISH.format(VIDEO[codec]) if role == 'publish' else BIN, False)
        self.pipeline.add(self.bin)
        self.webrtc = self.bin.get_by_name('w')
        self.ice = self.webrtc.get_property('ice-agent')  # kept: the last wrapper of it would take it along
        self.ice.emit('add-local-ip-address', '127.0.0.1')  # libnice leaves the loopback out by itself
        if role == 'watch':
            for caps in (CAPS[codec], CAPS['opus']):
                self.webrtc.emit('add-transceiver', GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))
        self.webrtc.connect('on-negotiation-needed', self.negotiate)
        self.webrtc.connect('on-ice-candidate', lambda w, line, text: GLib.idle_add(self.candidate, line, text))
        self.webrtc.connect('notify::connection-state', lambda w, p: say(state=w.get_property('connection-state').value_nick))
        self.webrtc.connect('pad-added', self.receive)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect('message::error', lambda b, m: say(error=str(m.parse_error())))
        bus.connect('message::element', self.measured)

    # ---- HTTP (RFC 9725) ----
    def ask(self, method, url, body=None, **headers):
        q = urllib.request.Request(url, body.encode() if body else None, {'Authorization': f'Bearer {self.token}', **headers}, method=method)
        try:
            return urllib.request.urlopen(q, context=ssl._create_unverified_context())
        except urllib.error.HTTPError as e:
            return e

    def negotiate(self, webrtc):
        if not self.local:
            webrtc.emit('create-offer', None, Gst.Promise.new_with_change_func(self.offered))

    def offered(self, promise, *_):
        reply = promise.get_reply()  # the offer points into it
        offer = reply.get_value('offer')
        if self.local:
            return
        self.local = offer.sdp.as_text()
        self.webrtc.emit('set-local-description', offer, Gst.Promise.new())
        GLib.idle_add(self.post, self.local)

    def post(self, text):
        a = self.ask('POST', self.url, text, **{'Content-Type': 'application/sdp'})
        answer = a.read().decode()
        say(status=a.status, location=a.headers.get('Location'), etag=a.headers.get('ETag'), body=None if a.status == 201 else answer)
        if a.status != 201:
            return
        self.location, self.etag = urllib.parse.urljoin(self.url, a.headers['Location']), a.headers['ETag']
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        self.webrtc.emit('set-remote-description', GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message), Gst.Promise.new())
        for line, candidate in self.candidates:
            self.trickle(line, candidate)

    def candidate(self, line, text):
        self.candidates.append((line, text))
        if self.location:
            self.trickle(line, text)

    def trickle(self, line, text):
        take = lambda name: next(l for l in self.local.splitlines() if l.startswith(name))
        m = [l for l in self.local.splitlines() if l.startswith('m=')][line]
        mid = [l for l in self.local.splitlines() if l.startswith('a=mid:')][line]
        frag = '\r\n'.join([take('a=ice-ufrag:'), take('a=ice-pwd:'), m, mid, f'a={text}', ''])
        a = self.ask('PATCH', self.location, frag, **{'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': self.etag})
        say(patch=a.status)

    # ---- what comes ----
    def receive(self, webrtc, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        decode = Gst.ElementFactory.make('decodebin')
        decode.connect('pad-added', self.decoded)
        self.bin.add(decode)
        decode.sync_state_with_parent()
        pad.link(decode.get_static_pad('sink'))

    def decoded(self, decode, pad):
        audio = pad.get_current_caps().to_string().startswith('audio')
        end = Gst.parse_bin_from_description('audioconvert ! level interval=200000000 ! fakesink sync=false' if audio else 'fakesink sync=false', True)
        self.bin.add(end)
        end.sync_state_with_parent()
        if not audio:
            pad.add_probe(Gst.PadProbeType.BUFFER, self.frame)
        pad.link(end.get_static_pad('sink'))

    def frame(self, pad, info):
        self.frames += 1
        self.width = pad.get_current_caps().get_structure(0).get_value('width')
        return Gst.PadProbeReturn.OK

    def measured(self, bus, message):
        s = message.get_structure()
        if s and s.get_name() == 'level':
            self.peak_db = max(self.peak_db, *s.get_value('peak'))

    def report(self):
        say(frames=self.frames, width=self.width, peak_db=self.peak_db)
        return True

    def end(self):
        if self.location:
            say(deleted=self.ask('DELETE', self.location).status)
        self.pipeline.set_state(Gst.State.NULL)
        loop.quit()


Gst.init(None)
loop = GLib.MainLoop()
client = Client(*sys.argv[1:5])
client.pipeline.set_state(Gst.State.PLAYING)
if client.role == 'watch':
    GLib.timeout_add(500, client.report)
threading.Thread(target=lambda: (sys.stdin.read(), GLib.idle_add(client.end)), daemon=True).start()
loop.run()
