// Package examples holds whole programs, one in each folder, with a README whose
// commands run as they stand there.
package examples
