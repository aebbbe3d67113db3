//go:build unix && !(linux || darwin || openbsd)

package transport

func writev(fd int, bufs [][]byte) (int, error) {
	total := 0
	for _, b := range bufs {
		n, err := write(fd, b)
		if err != nil {
			if total > 0 {
				return total, nil
			}
			return 0, err
		}
		if total += n; n < len(b) {
			break
		}
	}
	return total, nil
}
