module github.com/wampeter/wampeter

go 1.26.0
